"""A small training set of made-up recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from helpers import TINY

from wavegen.audio.analysis import analyse
from wavegen.audio.coarse import coarse_features, decimate
from wavegen.audio.local_features import LocalFeatures, silence
from wavegen.data.windows import TrainingClip, Windows
from wavegen.recipe import load_config

RATE, HOP, BANDS = 8000, 80, 20
LENGTHS = [5000, 33, 800, 4000, 801, 12000, 2400]
STACKS = [{"pool": 64, "layers": 3, "channels": 4}, {"pool": 160, "layers": 2, "channels": 4}]
"""Two context stacks."""
READINGS: list[dict[str, Any]] = [
    {"train": {"noise": 0.3, "predicted": 0.5}},
    {"model": {"context": STACKS, "output": "logistic_mixture"}},
    {"conditioning": {"features": "none"}, "model": {"ends": True}},
    {"conditioning": {"linear_prediction": False}, "train": {"blank": 0.9}},
]
"""Settings by section, with which batches are read in different ways."""


def recordings(lengths: Sequence[int]) -> list[TrainingClip]:
    """Pulses and noise, of two speakers, with features whose predicted variant is another."""
    random = torch.Generator().manual_seed(1)

    def clip(index: int, samples: int) -> TrainingClip:
        audio = 0.02 * torch.randn(samples, generator=random)
        audio[:: 60 + index] += 0.4
        f0 = RATE / (60.0 + index) * (torch.arange(-(-samples // HOP)) % 7 > 1)
        local = analyse(audio, RATE, HOP, BANDS, f0)
        others = {p: replace(local, mel=local.mel + 0.3 * p) for p in (False, True)}
        return TrainingClip(samples, index % 2, lambda a, b: audio[a:b], others.__getitem__)

    return [clip(i, n) for i, n in enumerate(lengths)]


def training_set(**changes: dict[str, Any]) -> Windows:
    """The set of a tiny configuration with changes, by section; with mel features if it has any."""
    table = {name: values | changes.get(name, {}) for name, values in TINY.items()}
    config = load_config(table, "test")
    if config.conditioning.features == "auto":
        config = config.replace("conditioning", features="mel")
    if config.conditioning.features == "mel":
        return Windows(recordings(LENGTHS), config, silence(1, BANDS))
    hop = config.hop_length
    if config.conditioning.features == "coarse":
        clips = [replace(c, local=_lowered(c, hop)) for c in recordings(LENGTHS)]
        return Windows(clips, config, coarse_features(np.zeros(1, np.float32), hop))
    bare = [TrainingClip(c.samples, c.speaker, c.audio) for c in recordings(LENGTHS)]
    return Windows(bare, config, None)


def _lowered(clip: TrainingClip, hop: int) -> Callable[[bool], LocalFeatures]:
    """The local features of a clip in a voice of several scales."""
    audio = clip.audio(0, clip.samples).numpy()
    local = coarse_features(decimate(audio, hop), hop).each(torch.from_numpy)
    return lambda predicted: local
