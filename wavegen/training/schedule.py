"""The schedules of the learning rate and of pruning, and the moving average of the weights."""

from __future__ import annotations

import math

from wavegen.config import TrainConfig

PRUNED = (0.2, 0.6)
"""Where in a run pruning begins and ends: the network knows something before, and recovers after.
"""


def learning_rate(t: TrainConfig, step: int) -> float:
    """Linear warm-up, then a half cosine to zero at the last step."""
    if step <= t.warmup_steps:
        return t.learning_rate * step / max(t.warmup_steps, 1)
    through = (step - t.warmup_steps) / max(t.steps - t.warmup_steps, 1)
    return t.learning_rate * 0.5 * (1 + math.cos(math.pi * min(through, 1.0)))


def sparsity(t: TrainConfig, step: int) -> float:
    """The share of empty blocks after a step: it rises fast at first and then ever more slowly, by
    a third power (Zhu and Gupta 2017)."""
    begin, end = PRUNED
    through = min(max((step / t.steps - begin) / (end - begin), 0.0), 1.0)
    return t.sparsity * (1 - (1 - through) ** 3)


def average(decay: float, step: int) -> float:
    """The weight of step ``step`` (from 1) in an exponential moving average."""
    # More at first, or the random initial weights would linger.
    return 1 - min(decay, step / (9 + step)) if step > 1 else 1.0
