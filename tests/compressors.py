"""Voices that compress, without training."""

from pathlib import Path

import torch

from wavegen.assembly import untrained
from wavegen.config import Config
from wavegen.library import load_voice
from wavegen.recipe import load_config
from wavegen.voice import Voice

SIZES = {"layers": 4, "dilation_cycle": 4, "residual_channels": 8, "skip_channels": 12}


def adaptive_config(rate: int = 8000) -> Config:
    return load_config(
        {
            "data": {"layout": "flat"},
            "audio": {"sample_rate": rate, "adaptive": True},
            "model": SIZES | {"output": "logistic_mixture", "mixtures": 3},
            "conditioning": {"features": "none"},
            "train": {"sample_every": 0, "window_seconds": 0.2},
        },
        "compressor",
    )


def compressor(file: Path, seed: int = 0, rate: int = 8000) -> Voice:
    """A voice whose network's distribution varies, as it is read from a file."""
    torch.manual_seed(seed)
    voice = untrained(adaptive_config(rate), (), ())
    for name, weights in voice.model.named_parameters():
        if name.startswith("head"):
            torch.nn.init.normal_(weights, std=0.3)
    voice.save(file)
    return load_voice(file)
