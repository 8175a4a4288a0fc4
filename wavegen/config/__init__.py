"""Training configuration as frozen dataclasses. No torch here."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from wavegen.config.bounds import at_least
from wavegen.config.conditioning import ConditioningConfig as ConditioningConfig
from wavegen.config.conditioning import Features as Features
from wavegen.config.data import DataConfig as DataConfig
from wavegen.config.data import Layout as Layout
from wavegen.config.data import SpeakerConfig as SpeakerConfig
from wavegen.config.model import ContextConfig as ContextConfig
from wavegen.config.model import Kind as Kind
from wavegen.config.model import ModelConfig as ModelConfig
from wavegen.config.model import Output as Output
from wavegen.config.model import ScaleConfig as ScaleConfig

Precision = Literal["auto", "f32", "bf16"]
Fused = Literal["auto", True, False]
Engine = Literal["naive", "cached", "triton", "numba"]
WeightPrecision = Literal["f32", "f16", "bf16", "int8"]
"""Precision of the weights in generation."""
ScoreBy = Literal["frame", "phoneme", "word", "second"]
"""Parts of a recording that have bits of their own."""
Bits = Literal["16", "24", "float"]
"""Sample width of a written file: bits of an integer, or 32-bit float."""

Size = Literal["small", "medium", "large", "xl"]
SIZES: dict[str, dict[str, int]] = {
    "small": {"layers": 20, "residual_channels": 32, "skip_channels": 128},
    "medium": {"layers": 20, "residual_channels": 64, "skip_channels": 256},
    "large": {"layers": 30, "residual_channels": 128, "skip_channels": 256},
    "xl": {"layers": 40, "residual_channels": 256, "skip_channels": 512},
}
"""Presets of the network's size: fields of `ModelConfig`."""
PAUSE_SECONDS = (0.03, 0.1)
"""Range of the silences between joined clips."""
MOST_STRIDE = 1.0
"""Upper limit of `Config.stride` in seconds, since training windows are multiples of it."""
WITH_ADAPTIVE: dict[str, Any] = {
    "data.layout": "flat",
    "audio.preemphasis": 0,
    "model.kind": "wavenet",
    "model.output": "logistic_mixture",
    "model.ends": False,
    "model.context": (),
    "model.scales": (),
    "conditioning.features": "none",
    "train.blank": 0,
    "train.noise": 0,
    "train.sample_every": 0,
}
"""What ``audio.adaptive`` needs."""
WITH_SCALES: dict[str, Any] = {
    "data.layout": "flat",
    "data.fold": "",
    "model.kind": "wavenet",
    "model.ends": False,
    "conditioning.features": "coarse",
    "conditioning.phase": True,
}
"""What ``model.scales`` needs."""


@dataclass(frozen=True)
class AudioConfig:
    sample_rate: int = 16000
    """Sample rate of the voice in Hz; recordings are resampled to it."""
    preemphasis: float = 0.0
    """Coefficient of the first-order pre-emphasis before the network, undone after it (0: none). At
    0.85 quantisation noise takes on the slope of speech and is masked by it."""
    adaptive: bool = False
    """Let the network model the excitation of filters that adapt to the samples already known, and
    give it what they predict. For lossless compression: such a voice can't generate sound."""

    def faults(self) -> list[str]:
        out = []
        if not 1000 <= self.sample_rate <= 192000:
            out.append("audio.sample_rate must be between 1000 and 192000")
        if not 0 <= self.preemphasis < 1:
            out.append("audio.preemphasis must be at least 0 and below 1")
        return out


@dataclass(frozen=True)
class TrainConfig:
    steps: int = 20000
    """Optimiser steps; the learning rate decays to zero over them."""
    batch_size: int = 4
    """Windows per step, over all processes."""
    accumulate: int = 1
    """Parts in which the gradients of a batch are accumulated, to save memory."""
    window_seconds: float = 1.0
    """Maximum length of a training window."""
    blank: float = 0.0
    """Fraction of the windows in which one stretch is made much fainter or louder and excluded from
    the loss. What follows it teaches the network to recover the level that the conditioning asks
    for; without it, a voice that falls silent in generation stays silent, and one that gets loud
    gets louder. Unused with linear prediction, where ``noise`` does this."""
    noise: float = 0.0
    """With linear prediction, maximum level of the noise in the past that the network is given,
    relative to the excitation; each window has a level between 0 and this. Generation then finds
    nothing new in the network's own errors. The sample to be predicted has no noise."""
    predicted: float = 0.5
    """With ``mel`` features and texts, fraction of the windows conditioned on the spectrogram that
    the acoustic model predicts for the recording in place of its own, so that the WaveNet learns to
    compensate for the blur of the prediction."""
    learning_rate: float = 2e-3
    """Peak learning rate, reached after a linear warm-up and followed by a cosine decay to zero."""
    warmup_steps: int = 300
    """Steps of linear warm-up."""
    weight_decay: float = 0.01
    """AdamW's decoupled weight decay."""
    clip_norm: float = 1.0
    """Global norm to which gradients are clipped."""
    ema_decay: float = 0.999
    """Decay per step of the exponential moving average of the weights, which a voice stores."""
    sparsity: float = 0.0
    """Share of the blocks of a WaveNet's large matrices that are emptied in the middle of the run,
    the smallest first (see `training.pruning`); the engine ``numba`` skips them."""
    precision: Precision = "auto"
    """``bf16`` (autocast), ``f32``, or ``auto``: bf16 where the hardware has it."""
    fused: Fused = "auto"
    """On a GPU with bf16, compute each block of two taps and 16, 32 or 64 channels in two kernels
    of its own, which read and write a quarter as much. ``auto`` tries at the first batch which way
    is faster, but not with ``deterministic``."""
    log_every: int = 50
    """Steps between rows of metrics.jsonl."""
    checkpoint_every: int = 500
    """Steps between checkpoints."""
    keep: int = 3
    """Number of most recent checkpoints to keep, in addition to the best voice."""
    validate_every: int = 1000
    """Steps between evaluations on the validation clips."""
    sample_every: int = 5000
    """Steps between audio samples with their spectrograms (0: no samples)."""
    seed: int = 0
    """Random seed of the split, the order of the data and the initial weights."""
    deterministic: bool = False
    """Use deterministic algorithms only, which are slower on a GPU. A CPU with the same number of
    threads is deterministic in any case."""

    def faults(self) -> list[str]:
        out = at_least(
            "train",
            self,
            1,
            "steps",
            "batch_size",
            "accumulate",
            "log_every",
            "checkpoint_every",
            "keep",
            "validate_every",
        )
        out += at_least("train", self, 0, "warmup_steps", "weight_decay", "sample_every", "seed")
        for name in ("window_seconds", "learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                out.append(f"train.{name} must be above 0")
        for name in ("blank", "noise", "predicted"):
            if not 0 <= getattr(self, name) <= 1:
                out.append(f"train.{name} must be between 0 and 1")
        for name in ("ema_decay", "sparsity"):
            if not 0 <= getattr(self, name) < 1:
                out.append(f"train.{name} must be at least 0 and below 1")
        return out


@dataclass(frozen=True)
class Config:
    """One complete training configuration."""

    data: DataConfig = field(default_factory=DataConfig)
    audio: AudioConfig = field(default_factory=AudioConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    conditioning: ConditioningConfig = field(default_factory=ConditioningConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        scales, c = self.model.scales, self.conditioning
        if scales and scales[-1].divide > 0 and c.features in ("auto", "none", "coarse"):
            rate = self.audio.sample_rate // scales[-1].divide
            told = dataclasses.replace(c, features="coarse", frame_rate=rate)
            object.__setattr__(self, "conditioning", told)

    def faults(self) -> list[str]:
        out = [f for s in dataclasses.fields(self) for f in getattr(self, s.name).faults()]
        if self.audio.adaptive:
            out += self._needs("audio.adaptive", WITH_ADAPTIVE)
        if self.model.scales:
            out += self._needs("model.scales", WITH_SCALES)
        elif self.conditioning.features == "coarse":
            out.append("conditioning.features coarse needs model.scales")
        if self.train.fused is True and self.model.kind != "wavenet":
            out.append(f"train.fused goes with model.kind wavenet, not with {self.model.kind}")
        if self.train.sparsity and self.model.kind != "wavenet":
            out.append(f"train.sparsity goes with model.kind wavenet, not with {self.model.kind}")
        rate, frames = self.audio.sample_rate, self.conditioning.frame_rate
        divide = self.model.scales[0].divide if self.model.scales else 1
        if divide > 0 and rate % divide:
            out.append(f"model.scales.divide {divide} does not divide audio.sample_rate {rate}")
        elif frames > 0 and rate % frames:
            out.append(f"conditioning.frame_rate {frames} does not divide audio.sample_rate {rate}")
        elif not out and self.stride > MOST_STRIDE * rate:
            pools = ", ".join(str(c.pool) for c in self.model.context)
            out.append(
                f"model.context.pool ({pools}) and the {self.hop_length} samples of a frame begin "
                f"together only every {self.stride} samples: choose pools that share its factors"
            )
        told = self.conditioning
        spectral = told.linear_prediction and told.features in ("auto", "mel", "latent")
        if told.prediction_order and not spectral:
            out.append(
                "conditioning.prediction_order needs linear_prediction and mel or latent features"
            )
        if not out and self.conditioning.prediction_order >= 4 * self.hop_length:
            out.append(
                "conditioning.prediction_order must be less than the "
                f"{4 * self.hop_length} samples of a window of the spectrogram"
            )
        if not out and (coarser := self.coarser) is not None:
            out = [f"in model.scales: {fault}" for fault in coarser.faults()]
        return out

    def _needs(self, what: str, table: Mapping[str, Any]) -> list[str]:
        """The faults of a setting that needs others."""
        out = []
        for name, wanted in table.items():
            section, key = name.split(".")
            if getattr(getattr(self, section), key) != wanted:
                shown = {"": "empty", (): "empty"}.get(wanted, str(wanted).lower())
                out.append(f"{what} needs {name} {shown}")
        return out

    @property
    def coarser(self) -> Config | None:
        """The configuration of the next coarser scale as a voice of its own; None without scales.
        Its windows have as many samples, and so last longer."""
        model = self.model.coarser
        if model is None:
            return None
        divide = self.model.scales[-1].divide
        rate = self.audio.sample_rate // divide
        frames = math.gcd(rate, ConditioningConfig.frame_rate)
        new = self.replace("audio", sample_rate=rate)
        new = dataclasses.replace(new, model=model)
        new = new.replace("train", window_seconds=self.train.window_seconds * divide)
        return (
            new if model.scales else new.replace("conditioning", features="none", frame_rate=frames)
        )

    @property
    def prior(self) -> Config | None:
        """The configuration of the network that draws codes, whose samples they are; None where the
        voice has none."""
        c = self.conditioning
        if c.features != "latent" or not c.prior_steps:
            return None
        model = ModelConfig(
            residual_channels=c.latent_channels, skip_channels=2 * c.latent_channels
        )
        told = ConditioningConfig("coarse", c.code_rate, speaker_channels=c.speaker_channels)
        rate = c.code_rate * c.symbols
        return Config(audio=AudioConfig(rate), model=model, conditioning=told)

    @property
    def hop_length(self) -> int:
        """Samples per frame of local conditioning."""
        return self.audio.sample_rate // self.conditioning.frame_rate

    @property
    def stride(self) -> int:
        """Samples after which frames of conditioning and of context stacks begin together."""
        return math.lcm(self.hop_length, *(c.pool for c in self.model.context))

    def replace(self, section: str, **values: Any) -> Config:
        new = dataclasses.replace(getattr(self, section), **values)
        return dataclasses.replace(self, **{section: new})
