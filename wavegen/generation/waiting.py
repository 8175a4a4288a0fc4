"""Jobs that wait for a lane of an engine."""

from __future__ import annotations

import heapq
import sys
import threading
from collections.abc import Iterable
from itertools import islice

from wavegen.generation.job import Job


class JobQueue:
    """Jobs for any number of threads: in order, so that none waits for ever while longer ones come,
    and of the last ``lookahead`` the longest first, so that all lanes finish at about the same
    time."""

    def __init__(self, jobs: Iterable[Job], lookahead: int) -> None:
        self._rest = enumerate(jobs)
        self._lookahead = lookahead
        self._next: list[tuple[int, Job]] = []
        self._lock = threading.Lock()
        self._fill()

    @property
    def most(self) -> int:
        """Jobs that can be drawn at once."""
        return len(self._next)

    def _fill(self) -> None:
        self._next += islice(self._rest, self._lookahead - len(self._next))

    def take(self, wait: bool = False) -> tuple[int, Job] | None:
        """The next job and its place among all, or None if there is no other; it never waits."""
        with self._lock:
            if not self._next:
                return None
            place = 0
            if len(self._next) < self._lookahead:  # there are no more than these
                place = max(range(len(self._next)), key=lambda n: self._next[n][1].length)
            found = self._next.pop(place)
            self._fill()
            return found

    def close(self) -> None:
        """There are no more jobs."""
        with self._lock:
            self._next.clear()


class Arrivals:
    """Jobs that come at any time, for any number of threads; those of the lowest rank first."""

    most = sys.maxsize
    """As of a `JobQueue`."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Job]] = []
        self._changed = threading.Condition()
        self._idle = 0
        self._closed = False

    def put(self, number: int, job: Job, rank: float = 0.0) -> None:
        """Add a job; ``number`` tells it from others, and is higher than theirs."""
        with self._changed:
            heapq.heappush(self._heap, (rank, number, job))
            self._changed.notify()

    def take(self, wait: bool = False) -> tuple[int, Job] | None:
        """The next job and its number, or None.

        Args:
            wait: of a thread that has nothing to draw: for a job, or until there will be none. What
                has come is left to such threads by the others.
        """
        with self._changed:
            while True:
                while self._heap and (wait or not self._idle):
                    _, number, job = heapq.heappop(self._heap)
                    if job.wanted():
                        return number, job
                if self._closed or not wait:
                    return None
                self._idle += 1
                self._changed.wait()
                self._idle -= 1

    def close(self) -> None:
        """There will be no more jobs than those that have come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
