"""Hooks that training calls."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from wavegen.config import Config
from wavegen.data.dataset import Dataset
from wavegen.voice import Voice

if TYPE_CHECKING:
    from wavegen.training.trainer import Trainer


class Stopped(Exception):
    """Training stopped on request, with everything saved."""


class Speed(NamedTuple):
    """Speed of training, as measured before it starts."""

    seconds: float
    """Mean duration of a step."""
    samples: float
    """Mean number of samples in the loss of a step."""


@dataclass
class Hooks:
    """Functions that are called while a voice is trained.

    Every process calls ``ready`` and ``stop``; only the first one calls the others.
    """

    warn: Callable[[str], None] = warnings.warn
    progress: Callable[[str, int, int], None] = lambda phase, done, total: None
    """Called with the phase, such as "reading audio" or "training", and how many of all files,
    clips or steps are done; in training after every step."""
    opened: Callable[[Dataset, Config], None] = lambda dataset, config: None
    """Called once the data set has been read."""
    ready: Callable[[Trainer, Speed], None] = lambda trainer, speed: None
    """Called before the first step."""
    log: Callable[[dict[str, float]], None] = lambda row: None
    """Called with every row of metrics.jsonl."""
    sample: Callable[[Voice, int], None] = lambda voice, step: None
    """Called every ``train.sample_every`` steps with the averaged voice."""
    stop: Callable[[], bool] = lambda: False
    """Called after every step; training stops if it returns True in any process."""
