"""A second thread for a lone utterance."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ATTEMPTS, PAUSE = 3, 1e-4
"""How often, and after how many seconds, the thread comes back when the other one seems to pause:
they may stand in each other's way on one core."""
USEFUL = 0.75
"""Share of a call's samples that two threads must have drawn together for the next one to be
shared."""
SHORTEST, LONGEST = 8, 64
"""Calls after which sharing is tried again."""


def _core_is_idle() -> bool:
    """Whether fewer threads than there are cores want to run now, as far as the system tells."""
    try:
        wanting = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return True
    return wanting < (os.cpu_count() or 1)


@dataclass
class _Call:
    follow: Callable[[], int]
    over: bool = False


class Follower:
    """Draws samples from the gates that another thread computes, as `step.run` has it.

    The other thread never depends on it: what does not come in time it does by itself. Where that
    happens often, since other programs want the cores, calls are shared ever more rarely, and only
    if a core seems to be idle. That isn't asked before each call: it makes a busy machine slower.
    The follower may be lent to one thread after the other.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._lock = threading.Lock()
        self._useful = False
        self._pause = self._left = 0

    @contextmanager
    def lent(self, wanted: bool) -> Iterator[Follower | None]:
        """Itself, if it is wanted, nobody else has it and sharing has paid; otherwise None."""
        if not wanted or not self._lock.acquire(blocking=False):
            yield None
            return
        try:
            if self._left:
                self._left -= 1
                yield None
            elif self._useful or _core_is_idle():
                yield self
            else:
                self.report(0.0)
                yield None
        finally:
            self._lock.release()

    @contextmanager
    def following(self, follow: Callable[[], int]) -> Iterator[None]:
        """Have a call of `step.run` made with `Part.FOLLOW` while the other part is done."""
        if self._thread.ident is None:
            self._thread.start()
        call = _Call(follow)
        self._calls.put(call)
        try:
            yield
        finally:
            call.over = True

    def report(self, shared: float) -> None:
        """Learn which share of a call's samples were drawn together."""
        self._useful = shared >= USEFUL
        self._pause = 0 if self._useful else min(max(SHORTEST, 4 * self._pause), LONGEST)
        self._left = self._pause

    def close(self) -> None:
        """End the thread."""
        if self._thread.ident is not None:
            self._calls.put(None)
            self._thread.join()

    def _work(self) -> None:
        while call := self._calls.get():
            for _ in range(ATTEMPTS):
                if call.over or call.follow():
                    break
                time.sleep(PAUSE)
