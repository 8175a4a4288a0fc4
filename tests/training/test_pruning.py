"""Blocks of the WaveNet's large matrices are emptied, the smallest first."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from networks import network, random_batch
from torch import Tensor

from wavegen.config import TrainConfig
from wavegen.generation.numba.layout import GROUP, QUAD
from wavegen.generation.rounding import matrices
from wavegen.model.wavenet import WaveNet
from wavegen.training.optimizer_step import Stepper
from wavegen.training.pruning import Pruning
from wavegen.training.schedule import sparsity

SIZES = {"layers": 5, "residual_channels": 40, "skip_channels": 52}


def sizes(model: WaveNet) -> list[Tensor]:
    """(blocks, groups) sums of squares of each large matrix, found block by block."""
    m = model.config
    # Parts of the inputs and of the outputs.
    parts = ([(1, 2)] * m.kernel_size + [(1, 1)]) * m.layers + [(m.layers, 1), (1, 1)]
    out = []
    for stored, (inputs, outputs) in zip(matrices(model.weights), parts, strict=False):
        lines = [np.split(p, outputs, 1) for p in np.split(np.concatenate(stored), inputs)]
        out.append(torch.cat([torch.cat([*map(_sizes, line)], 1) for line in lines]))
    return out


def _sizes(part: np.ndarray[Any, Any]) -> Tensor:
    rows = [part[i : i + QUAD] for i in range(0, len(part), QUAD)]
    columns = range(0, part.shape[1], GROUP)
    return torch.tensor([[(row[:, j : j + GROUP] ** 2).sum() for j in columns] for row in rows])


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.99])
def test_every_group_of_outputs_keeps_its_largest_blocks(kernel: int, share: float) -> None:
    model = network(kernel_size=kernel, **SIZES)
    before = sizes(model)
    Pruning(model).prune(share)
    for old, new in zip(before, sizes(model), strict=True):
        kept = max(1, round((1 - share) * len(old)))
        assert ((new > 0).sum(0) == kept).all()
        assert torch.equal(new.sort(0).values[-kept:], old.sort(0).values[-kept:])


def test_all_else_stays_and_copies_lose_the_same_blocks() -> None:
    model, other = network(**SIZES), network(**SIZES)
    before = copy.deepcopy(model)
    Pruning(model, [other]).prune(0.6)
    for a, b in zip(sizes(model), sizes(other), strict=True):
        assert torch.equal(a > 0, b > 0)
    large = ("taps", "w_res", "w_skip", "hidden.weight")
    for (name, new), old in zip(model.named_parameters(), before.parameters(), strict=True):
        assert torch.equal(new, old) != name.endswith(large), name
        assert torch.equal(new[new != 0], old[new != 0])


def test_what_is_empty_stays_so() -> None:
    model = network(**SIZES)
    pruning = Pruning(model)
    pruning.prune(0.7)
    empty = [s == 0 for s in sizes(model)]
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn_like(p))
    pruning.prune(0.1)
    assert all(torch.equal(s == 0, e) for s, e in zip(sizes(model), empty, strict=True))


def test_pruning_stands_in_the_middle_of_a_run() -> None:
    t = TrainConfig(steps=1000, sparsity=0.8)
    shares = [sparsity(t, step) for step in range(1, 1001)]
    assert shares == sorted(shares)
    assert shares[199] == 0 < shares[200]
    assert shares[598] < shares[599] == shares[-1] == 0.8
    assert shares[299] > 0.4  # faster at first


def stepper(model: WaveNet) -> Stepper:
    t = TrainConfig(precision="f32", warmup_steps=1, steps=12, sparsity=0.75, ema_decay=0.9)
    return Stepper(copy.deepcopy(model), t, Accelerator(cpu=True), pytest.fail)


def test_training_empties_the_share_asked_for_and_a_restored_state_goes_on_alike() -> None:
    model = network(**SIZES)
    batches = [random_batch() for _ in range(12)]
    whole, state = stepper(model), {}
    for step, batch in enumerate(batches, 1):
        whole.update(batch, step)
        if step == 2:
            assert all((s > 0).all() for s in sizes(whole.model))  # type: ignore[arg-type]
        if step == 6:
            state = copy.deepcopy(whole.state())
    resumed = stepper(model)
    resumed.restore(state)
    for step, batch in enumerate(batches[6:], 7):
        resumed.update(batch, step)
    for a, b in ((whole.model, resumed.model), (whole.averaged, resumed.averaged)):
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            assert torch.equal(p, q)
    assert isinstance(whole.model, WaveNet)
    assert isinstance(whole.averaged, WaveNet)
    for a, b in zip(sizes(whole.model), sizes(whole.averaged), strict=True):
        assert torch.equal(a > 0, b > 0)
        assert ((a > 0).sum(0) == round(0.25 * len(a))).all()
