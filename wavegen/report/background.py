"""Work beside the training, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType


class Background:
    """Does one piece of work after the other while the caller goes on.

    An error is raised by the next call of `do`, or on exit, which waits for all work.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "background")
        self._asked: list[Future[object]] = []

    def __enter__(self) -> Background:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.shutdown()
        if error is None:
            self._raise()

    def do(self, work: Callable[[], object]) -> None:
        """Begin a piece of work, once those asked for before are done."""
        self._raise()
        self._asked.append(self._thread.submit(work))

    def _raise(self) -> None:
        done = [f for f in self._asked if f.done()]
        self._asked = [f for f in self._asked if not f.done()]
        for f in done:
            f.result()
