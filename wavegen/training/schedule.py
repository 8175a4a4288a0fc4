"""The schedule of the learning rate, and the moving average of the weights."""

from __future__ import annotations

import math
from typing import Any

import torch

from wavegen.config import TrainConfig


def learning_rate(t: TrainConfig, step: int) -> float:
    """Linear warm-up, then a half cosine to zero at the last step."""
    if step <= t.warmup_steps:
        return t.learning_rate * step / max(t.warmup_steps, 1)
    through = (step - t.warmup_steps) / max(t.steps - t.warmup_steps, 1)
    return t.learning_rate * 0.5 * (1 + math.cos(math.pi * min(through, 1.0)))


def average(decay: float) -> Any:
    """An exponential moving average, for `torch.optim.swa_utils.AveragedModel`."""

    def update(averages: Any, weights: Any, count: Any) -> None:
        # Faster at first, or the random initial weights would linger.
        d = min(decay, (1.0 + float(count)) / (10.0 + float(count)))
        torch._foreach_lerp_(list(averages), [w.detach() for w in weights], 1.0 - d)

    return update
