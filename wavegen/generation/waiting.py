"""Jobs that wait for a lane of an engine."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterable
from itertools import islice

from wavegen.generation.job import Job


class JobQueue:
    """Jobs for any number of threads, the longest of the next ``lookahead`` first, so that all
    lanes finish at about the same time."""

    def __init__(self, jobs: Iterable[Job], lookahead: int) -> None:
        self._rest = enumerate(jobs)
        self._lookahead = lookahead
        self._heap: list[tuple[int, int, Job]] = []
        self._lock = threading.Lock()
        self._fill()

    def __len__(self) -> int:
        """Jobs read so far and not taken."""
        return len(self._heap)

    def _fill(self) -> None:
        for index, job in islice(self._rest, self._lookahead - len(self._heap)):
            heapq.heappush(self._heap, (-job.length, index, job))

    def take(self) -> tuple[int, Job] | None:
        """The next job and its place among all, or None if there is no other."""
        with self._lock:
            if not self._heap:
                return None
            _, index, job = heapq.heappop(self._heap)
            self._fill()
            return index, job
