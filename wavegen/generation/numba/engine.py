"""Real time on a CPU: many samples of many utterances in each call of one compiled function.

The step is that of `cached`, with all matrix products, queues, gates and sampling fused (`step`),
compiled on first use and cached on disk; it releases the interpreter lock. Each thread has a group
of lanes. The utterances in them share each load of the weights; when one ends, its lane takes the
next job, and of the last `LOOKAHEAD` the longest. While there is only one, a second thread shares
the work on it (`follower`).

Neither batch nor lane, thread, block size or vector width changes a bit of a clip, since an
autoregressive sequence amplifies one flipped bit into a different clip: every sum of floats is one
chain in ascending order of its inputs (`products`), and those of integers are exact (`integers`).
What was tried to make it fast stands in `recipes/README.md`.
"""

from __future__ import annotations

import os
import platform
import queue
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from wavegen.config import WeightPrecision
from wavegen.generation.job import Job
from wavegen.generation.numba.follower import Follower
from wavegen.generation.numba.group import Group
from wavegen.generation.numba.layout import Integers, Network
from wavegen.generation.numba.packing import pack
from wavegen.generation.spec import Pieces
from wavegen.generation.waiting import Arrivals, JobQueue
from wavegen.model import weights as stored

LANES = 8
"""Utterances of one thread that share the weights. More gain nothing: sums fill the registers."""
LOOKAHEAD = 64
"""Of the last jobs, so many at least, the longest start first."""


def generate(
    network: stored.Network,
    jobs: Iterable[Job] | Arrivals,
    hop_length: int,
    block: int = 400,
    precision: WeightPrecision | None = None,
    threads: int | None = None,
    lanes: int = LANES,
) -> Pieces:
    """Draw the samples of jobs; arguments and result as `naive.generate`, and:

    Args:
        network: on the CPU.
        jobs: any number, or those that arrive, taken by whichever thread has a free lane.
        hop_length: samples per row.
        block: most samples per piece.
        precision: of the products, all else is f32; f32 and bf16 are that of the weights, int8 also
            of what they are multiplied by (default: `default_precision`).
        threads: at most (default: `default_threads`). One utterance uses two of them, if this
            process may use two cores and one seems idle.
        lanes: utterances per thread that advance together, at most.
    """
    net = pack(network, hop_length, precision or default_precision())
    _compile(net)
    threads = threads or default_threads()
    waiting: JobQueue | Arrivals
    if isinstance(jobs, Arrivals):
        waiting = jobs
    else:
        waiting = JobQueue(jobs, max(LOOKAHEAD, threads * lanes))
    follower = Follower() if min(threads, _cores()) > 1 else None
    threads = max(1, min(threads, waiting.most))
    lanes = min(lanes, -(-waiting.most // threads))
    groups = [Group(net, lanes) for _ in range(threads)]
    for _ in range(lanes):  # in turn, so that every thread gets work
        for group in groups:
            if job := waiting.take():
                group.add(*job, network)
    return _Work(groups, waiting, block, network, follower).run()


def default_precision() -> WeightPrecision:
    """The fastest, all of which sound alike: int8, but bf16 on other CPUs than x86, whose
    instructions for products of bytes are not made use of yet."""
    return "int8" if platform.machine().lower() in ("x86_64", "amd64") else "bf16"


def default_threads() -> int:
    """As many as torch uses: ``$OMP_NUM_THREADS``, or all cores."""
    if "torch" in sys.modules:
        import torch

        return torch.get_num_threads()
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(asked) if asked.isdecimal() and int(asked) else _cores()


def _cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class _Work:
    """Jobs that groups of lanes draw."""

    groups: list[Group]
    waiting: JobQueue | Arrivals
    block: int
    network: stored.Network
    follower: Follower | None

    def run(self) -> Pieces:
        """Run each group in a thread of its own, if there are several."""
        try:
            yield from self._group(self.groups[0]) if len(self.groups) == 1 else self._threads()
        finally:
            if self.follower:
                self.follower.close()

    def _group(self, group: Group) -> Pieces:
        """Keep one group's lanes full until there are no jobs left."""
        while True:
            group.drop_unwanted()
            while group.size < group.capacity and (job := self.waiting.take(wait=not group.size)):
                group.add(*job, self.network)
            if not group.size:
                return
            yield from self._advance(group)

    def _advance(self, group: Group) -> list[tuple[int, Integers]]:
        if not self.follower:
            return group.advance(self.block)
        alone = sum(g.size for g in self.groups) == 1
        with self.follower.lent(alone) as follower:
            return group.advance(self.block, follower=follower)

    def _threads(self) -> Pieces:
        """A slow reader holds the threads up, and closing the iterator stops them."""
        pieces: queue.Queue[Any] = queue.Queue(4 * sum(g.capacity for g in self.groups))
        stop = threading.Event()

        def put(piece: Any) -> None:
            while not stop.is_set():
                try:
                    return pieces.put(piece, timeout=0.1)
                except queue.Full:
                    pass

        def work(group: Group) -> None:
            try:
                for piece in self._group(group):
                    put(piece)
                    if stop.is_set():
                        return
                put(None)
            except BaseException as e:
                put(e)

        workers = [threading.Thread(target=work, args=(g,), daemon=True) for g in self.groups]
        try:
            for worker in workers:
                worker.start()
            working = len(workers)
            while working:
                piece = pieces.get()
                if isinstance(piece, BaseException):
                    raise piece
                if piece is None:
                    working -= 1
                else:
                    yield piece
        finally:
            stop.set()
            self.waiting.close()
            for worker in workers:
                if worker.ident is not None:
                    worker.join()


def _compile(net: Network) -> None:
    """Compile the step for the network's types, or load it, by drawing no samples."""
    Group(net, 1).advance(0)
