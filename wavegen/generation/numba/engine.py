"""Real time on a CPU: many samples of many utterances in each call of one compiled function.

The step is that of `cached`, with all matrix products, queues, gates and sampling fused (`step`),
compiled on first use and cached on disk; it releases the interpreter lock. Each thread has a group
of lanes. The utterances in them share each load of the weights; when one ends, its lane takes the
next job, and of the last `LOOKAHEAD` the longest.

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
from typing import Any

from wavegen.config import WeightPrecision
from wavegen.generation.job import Job
from wavegen.generation.numba.group import Group
from wavegen.generation.numba.layout import Network
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
        threads: at most (default: `default_threads`). One utterance uses one thread.
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
    threads = max(1, min(threads, waiting.most))
    lanes = min(lanes, -(-waiting.most // threads))
    groups = [Group(net, lanes) for _ in range(threads)]
    for _ in range(lanes):  # in turn, so that every thread gets work
        for group in groups:
            if job := waiting.take():
                group.add(*job, network)
    if threads == 1:
        return _run_group(groups[0], waiting, block, network)
    return _run_threads(groups, waiting, block, network)


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
    return int(asked) if asked.isdecimal() and int(asked) else os.cpu_count() or 1


def _run_group(
    group: Group, waiting: JobQueue | Arrivals, block: int, network: stored.Network
) -> Pieces:
    """Keep one group's lanes full until there are no jobs left."""
    while True:
        group.drop_unwanted()
        while group.size < group.capacity and (job := waiting.take(wait=not group.size)):
            group.add(*job, network)
        if not group.size:
            return
        yield from group.advance(block)


def _run_threads(
    groups: list[Group], waiting: JobQueue | Arrivals, block: int, network: stored.Network
) -> Pieces:
    """Run each group in a thread of its own; a slow reader holds the threads up, and closing the
    iterator stops them."""
    pieces: queue.Queue[Any] = queue.Queue(4 * sum(g.capacity for g in groups))
    stop = threading.Event()

    def put(piece: Any) -> None:
        while not stop.is_set():
            try:
                return pieces.put(piece, timeout=0.1)
            except queue.Full:
                pass

    def work(group: Group) -> None:
        try:
            for piece in _run_group(group, waiting, block, network):
                put(piece)
                if stop.is_set():
                    return
            put(None)
        except BaseException as e:
            put(e)

    workers = [threading.Thread(target=work, args=(g,), daemon=True) for g in groups]
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
        waiting.close()
        for worker in workers:
            if worker.ident is not None:
                worker.join()


def _compile(net: Network) -> None:
    """Compile the step for the network's types, or load it, by drawing no samples."""
    Group(net, 1).advance(0)
