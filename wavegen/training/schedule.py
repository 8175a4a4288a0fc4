"""The schedule of the learning rate, and the moving average of the weights."""

from __future__ import annotations

import math

from wavegen.config import TrainConfig


def learning_rate(t: TrainConfig, step: int) -> float:
    """Linear warm-up, then a half cosine to zero at the last step."""
    if step <= t.warmup_steps:
        return t.learning_rate * step / max(t.warmup_steps, 1)
    through = (step - t.warmup_steps) / max(t.steps - t.warmup_steps, 1)
    return t.learning_rate * 0.5 * (1 + math.cos(math.pi * min(through, 1.0)))


def average(decay: float, step: int) -> float:
    """The weight of step ``step`` (from 1) in an exponential moving average."""
    # More at first, or the random initial weights would linger.
    return 1 - min(decay, step / (9 + step)) if step > 1 else 1.0
