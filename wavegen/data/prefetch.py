"""Prefetching: prepare the next items while the current one is in use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def prefetch(
    items: Iterable[A], make: Callable[[A], B], ahead: int
) -> Generator[tuple[A, B], None, None]:
    """Yield each item with ``make(item)``, computed up to ``ahead`` items early, each in a thread.

    Threads share the caches of ``make``. Its errors are raised when the item's turn comes. With 0
    ahead there is no thread.
    """
    if not ahead:
        yield from ((item, make(item)) for item in items)
        return
    waiting: deque[tuple[A, Future[B]]] = deque()
    with ThreadPoolExecutor(ahead, "prefetch") as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(make, item)))
                if len(waiting) > ahead:
                    first, made = waiting.popleft()
                    yield first, made.result()
            while waiting:
                first, made = waiting.popleft()
                yield first, made.result()
        finally:
            pool.shutdown(cancel_futures=True)
