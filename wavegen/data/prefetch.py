"""Prefetching: worker processes prepare the next items while the current one is in use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from torch.utils.data import DataLoader, Dataset

A = TypeVar("A")
B = TypeVar("B")


def prefetch(
    items: Iterable[A], make: Callable[[A], B], workers: int, pin: bool = False
) -> Iterator[B]:
    """Yield ``make(item)`` of each item, in order.

    Processes rather than threads: ``make`` consists of thousands of small operations, each of which
    would take the interpreter's lock from the thread that launches kernels. They are forked, so
    ``make`` need not be picklable. Its errors are raised when the item's turn comes.

    Args:
        items: taken a few ahead.
        make: what is computed.
        workers: processes; with 0, ``make`` runs when its result is asked for.
        pin: copy results into pinned memory, by their ``pin_memory`` method.
    """
    made = DataLoader(
        _Made(make),
        batch_size=None,
        sampler=items,
        num_workers=workers,
        collate_fn=_unchanged,
        pin_memory=pin,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="fork" if workers else None,
    )
    return iter(made)


class _Made(Dataset[B], Generic[A, B]):
    """Maps an item, in place of an index, to what is made of it."""

    def __init__(self, make: Callable[[A], B]) -> None:
        self.make = make

    def __getitem__(self, item: A) -> B:
        return self.make(item)


def _unchanged(made: B) -> B:
    return made
