"""Reading ahead changes nothing but the time."""

import gc
import itertools
import multiprocessing

import pytest
import torch
from torch import Tensor

from wavegen.data.prefetch import prefetch


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_items_come_in_order_and_an_error_at_its_turn(workers: int) -> None:
    out: list[float] = []
    with pytest.raises(ZeroDivisionError):
        out.extend(prefetch([4, 2, 1, 0, 5], lambda n: 4 / n, workers))
    assert out == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("workers", [0, 2])
def test_tensors_come_as_they_were_made(workers: int) -> None:
    def make(n: int) -> tuple[int, list[Tensor]]:
        return n, [torch.full((n,), n), torch.arange(n).double()]

    for n, (n_, made) in enumerate(prefetch(range(20), make, workers)):
        assert n_ == n
        assert torch.equal(made[0], torch.full((n,), n))
        assert made[1].dtype == torch.float64


def test_an_endless_reader_leaves_no_process_behind() -> None:
    others = set(multiprocessing.active_children())
    read = prefetch(itertools.count(), lambda n: n, 2)
    assert [next(read) for _ in range(3)] == [0, 1, 2]
    assert len(set(multiprocessing.active_children()) - others) == 2
    del read
    gc.collect()
    assert not set(multiprocessing.active_children()) - others
