"""One optimiser step."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from networks import HOP, network, random_batch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel
from torch.utils._python_dispatch import TorchDispatchMode

from wavegen.config import TrainConfig
from wavegen.data.resident import Resident
from wavegen.data.windows import TrainingClip, Windows
from wavegen.model.wavenet import WaveNet
from wavegen.outputs import OUTPUTS
from wavegen.recipe import load_config
from wavegen.training.optimizer_step import END_WEIGHT, Stepper
from wavegen.training.reading import Reader


def stepper(model: WaveNet, **config: Any) -> Stepper:
    t = TrainConfig(**{"precision": "f32", "warmup_steps": 1, **config})
    return Stepper(copy.deepcopy(model), t, Accelerator(cpu=True), pytest.fail)


def weights(model: WaveNet) -> list[Tensor]:
    return [p.detach().clone() for p in model.parameters()]


class Waits(TorchDispatchMode):
    """Notes operations that make the host wait for a device."""

    NAMES = ("_local_scalar_dense", "nonzero", "is_nonzero", "masked_select", "equal", "unique")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if any(name.startswith(n) for n in self.NAMES):
            self.found.append(name)
        return func(*args, **kwargs or {})


def test_neither_reading_from_a_device_nor_a_step_waits_for_it() -> None:
    table: dict[str, dict[str, Any]] = {
        "model": {"layers": 3, "residual_channels": 8, "skip_channels": 8},
        "audio": {"preemphasis": 0.5},
        "conditioning": {"features": "none"},
        "train": {"window_seconds": 0.1, "blank": 0.5, "sparsity": 0.5, "precision": "f32"},
    }
    config = load_config(table, "test")
    audio = torch.rand(9000) - 0.5
    windows = Windows([TrainingClip(9000, 0, lambda a, b: audio[a:b])], config, None)
    s = Stepper(WaveNet(config), config.train, Accelerator(cpu=True), pytest.fail)
    reader = Reader(windows, s.accelerator)
    reader.batch, reader.resident = Resident(windows, s.device).batch, True
    batches = reader.batches(0, 0)
    with Waits() as waits:
        for step in range(1, 5):
            s.update(next(batches)[2], step)
        assert not waits.found
        float(s.sums[0])
        assert waits.found  # so they are noticed


@pytest.mark.parametrize("output", OUTPUTS)
def test_whether_the_clip_ends_weighs_more_than_a_sample(output: str) -> None:
    s = stepper(network(ends=True, output=output))
    batch = random_batch().batch
    batch.codes[0, 100] = s.model.output.end
    nats, _ = s.forward(batch)
    logits = s.model(batch.codes, before=batch.before)
    ending = s.model.output.ending(logits, batch.codes)
    expected = s.model.output.loss(logits, batch.codes) + (END_WEIGHT - 1) * ending
    assert torch.allclose(nats, expected.sum())
    assert ending[0, 100] > 1 > ending[0, 99]


def test_the_moving_average_is_that_of_torch() -> None:
    s = stepper(network(), ema_decay=0.6)

    def mean(averages: Any, values: Any, count: Tensor) -> None:
        decay = min(0.6, (1 + float(count)) / (10 + float(count)))
        torch._foreach_lerp_(list(averages), list(values), 1 - decay)

    expected = AveragedModel(s.model, multi_avg_fn=mean)
    for step in range(1, 13):
        s.update(random_batch(), step)
        expected.update_parameters(s.model)
    for found, wanted in zip(s.averaged.parameters(), expected.parameters(), strict=True):
        assert torch.allclose(found, wanted, atol=1e-6)
        assert not found.requires_grad


def test_a_gradient_that_is_not_finite_changes_nothing_and_is_told() -> None:
    s = stepper(network())
    s.update(random_batch(), 1)
    before, state = weights(s.model), copy.deepcopy(s.optimiser.state_dict()["state"])
    assert s.norms().diverged == 0
    for step in (2, 3):
        s.update(random_batch(1e300), step)  # too large for float32
    assert s.norms().diverged == 2
    for a, b in zip(before, weights(s.model), strict=True):
        assert torch.equal(a, b)
    for i, moments in s.optimiser.state_dict()["state"].items():
        for name, t in moments.items():
            assert torch.equal(t, state[i][name]), name


def test_the_peak_of_the_norm_is_that_since_the_last_reset() -> None:
    s = stepper(network())
    norms = []
    for step, scale in enumerate((1.0, 30.0, 2.0), 1):
        s.update(random_batch(scale), step)
        norms.append(s.norms())
    assert norms[1].last == norms[1].peak == norms[2].peak > norms[2].last
    s.reset()
    s.update(random_batch(), 4)
    assert s.norms().peak == s.norms().last
    assert s.sums[1] == 2 * 20 * HOP
