"""Configuration of the network over samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from wavegen.config.bounds import at_least

Kind = Literal["wavenet", "gru", "transformer"]
Output = Literal["categorical", "logistic_mixture", "gaussian_mixture"]
Pooling = Literal["mean", "conv"]

GRU_PAST = 512
"""Samples that a GRU is run over before a training window, which cost it as much as those that
count; its own past has no end."""
MOST_RATIO = 64
"""Between the rates of two scales: the codes of the phase tell so many samples of a frame apart."""
OF_KINDS: dict[str, tuple[Kind, ...]] = {
    "kernel_size": ("wavenet",),
    "dilation_cycle": ("wavenet",),
    "context": ("wavenet",),
    "heads": ("transformer",),
    "attention": ("transformer",),
}
"""Fields of `ModelConfig` that only some kinds of network have."""


@dataclass(frozen=True)
class ContextConfig:
    pool: int = 64
    """Samples in one frame of the stack."""
    layers: int = 8
    """Gated residual blocks with dilations 1, 2, 4, …"""
    kernel_size: int = 3
    """Taps of each dilated causal convolution, 2 or 3."""
    channels: int = 32
    """Channels between blocks."""
    pooling: Pooling = "mean"
    """How samples are pooled into a frame: the ``mean`` of their embeddings, which loses their
    order, or a strided convolution (``conv``), which keeps it."""

    def faults(self) -> list[str]:
        out = at_least("model.context", self, 2, "pool")
        out += at_least("model.context", self, 1, "layers", "channels")
        if self.kernel_size not in (2, 3):
            out.append("model.context.kernel_size must be 2 or 3")
        if self.layers > 16:
            out.append("model.context.layers must be at most 16")
        return out

    @property
    def dilations(self) -> tuple[int, ...]:
        return tuple(2**i for i in range(self.layers))

    @property
    def receptive_field(self) -> int:
        """Past samples that can affect one output; a multiple of `pool`."""
        return ((self.kernel_size - 1) * sum(self.dilations) + 1) * self.pool


@dataclass(frozen=True)
class ScaleConfig:
    """A network over the same sound at a lower rate; fields without a text are those of
    `ModelConfig`, and all others are as in it."""

    divide: int = 4
    """The voice's sample rate, divided by that of this scale."""
    layers: int = 20
    kernel_size: int = 2
    dilation_cycle: int = 10
    residual_channels: int = 64
    skip_channels: int = 128
    context: tuple[ContextConfig, ...] = ()
    """Context stacks; frames of ``pool`` samples of this scale."""
    noise: float = 0.1
    """Maximum level of the noise, relative to this scale's signal, with which the next finer
    network is trained on it; each window has a level between 0 and this. What is drawn is not quite
    what a recording has, and the finer network learns not to rely on it."""

    def faults(self) -> list[str]:
        out = at_least("model.scales", self, 2, "divide")
        if not 0 <= self.noise <= 1:
            out.append("model.scales.noise must be between 0 and 1")
        return out


@dataclass(frozen=True)
class ModelConfig:
    kind: Kind = "wavenet"
    """``wavenet``, or what it is compared with: a recurrent network (``gru``), or a causal
    ``transformer`` whose layers attend to the last samples."""
    layers: int = 20
    """Gated residual blocks, or layers of another kind of network."""
    kernel_size: int = 2
    """Taps of each dilated causal convolution, 2 or 3."""
    dilation_cycle: int = 10
    """Dilations run 1, 2, 4, … for this many blocks, then start again at 1."""
    residual_channels: int = 64
    """Channels between blocks (R)."""
    skip_channels: int = 128
    """Channels of the skip connections and the output layers (S)."""
    heads: int = 4
    """Heads of a Transformer; twice their number must divide ``residual_channels``."""
    attention: int = 256
    """Samples that each layer of a Transformer attends to."""
    output: Output = "categorical"
    """Distribution of the next sample: ``categorical`` over 256 µ-law codes, or a mixture of
    logistic or normal distributions over 16-bit samples."""
    mixtures: int = 10
    """Components of a mixture."""
    ends: bool = False
    """Predict at each sample whether the clip is over, so that a voice without texts chooses the
    length of its clips."""
    context: tuple[ContextConfig, ...] = ()
    """Context stacks, each a table ``[[model.context]]``."""
    scales: tuple[ScaleConfig, ...] = ()
    """Coarser networks, each a table ``[[model.scales]]``, from coarse to fine. Each draws the
    sound at a lower rate, and the next one is conditioned on that; this network is the finest."""

    def faults(self) -> list[str]:
        out = at_least(
            "model",
            self,
            1,
            "layers",
            "dilation_cycle",
            "residual_channels",
            "skip_channels",
            "heads",
            "attention",
            "mixtures",
        )
        for name, kinds in OF_KINDS.items():
            if self.kind not in kinds and getattr(self, name) != getattr(ModelConfig, name):
                only = " or ".join(kinds)
                out.append(f"model.{name} goes with model.kind {only}, not with {self.kind}")
        uneven = self.heads > 0 and self.residual_channels % (2 * self.heads)
        if self.kind == "transformer" and uneven:
            out.append(
                f"model.residual_channels {self.residual_channels} must be a multiple of twice the "
                f"{self.heads} model.heads"
            )
        out += [fault for stack in self.context for fault in stack.faults()]
        out += self._scale_faults()
        if self.kernel_size not in (2, 3):
            out.append("model.kernel_size must be 2 or 3")
        if self.dilation_cycle > 16:
            out.append("model.dilation_cycle must be at most 16")
        return out

    def _scale_faults(self) -> list[str]:
        out = [fault for scale in self.scales for fault in scale.faults()]
        if out:
            return out
        divisors = [*(s.divide for s in self.scales), 1]
        for coarse, fine in pairwise(divisors):
            if coarse <= fine or coarse % fine:
                out.append(
                    f"model.scales.divide must fall from coarse to fine, each a multiple of the "
                    f"next: {coarse} is none of {fine}"
                )
            elif coarse // fine > MOST_RATIO:
                out.append(
                    f"model.scales.divide: {coarse} to {fine} is a ratio of {coarse // fine}, and "
                    f"{MOST_RATIO} is the most"
                )
        return out

    @property
    def coarser(self) -> ModelConfig | None:
        """The network of the next coarser scale, whose own scales are those that are left; None
        without scales."""
        if not self.scales:
            return None
        *rest, scale = self.scales
        return replace(
            self,
            layers=scale.layers,
            kernel_size=scale.kernel_size,
            dilation_cycle=scale.dilation_cycle,
            residual_channels=scale.residual_channels,
            skip_channels=scale.skip_channels,
            context=scale.context,
            scales=tuple(replace(s, divide=s.divide // scale.divide) for s in rest),
        )

    @property
    def dilations(self) -> tuple[int, ...]:
        return tuple(2 ** (i % self.dilation_cycle) for i in range(self.layers))

    @property
    def conditioned(self) -> tuple[int, int]:
        """Blocks that take the conditioning, and the channels that each takes: those of a WaveNet's
        gates, or of the inputs of another network."""
        if self.kind == "wavenet":
            return self.layers, 2 * self.residual_channels
        return 1, self.residual_channels

    @property
    def past(self) -> int:
        """Samples that the network is run over before a window: the receptive field if it has an
        end."""
        fields = {
            "wavenet": (self.kernel_size - 1) * sum(self.dilations) + 1,
            "gru": GRU_PAST,
            "transformer": self.layers * (self.attention - 1) + 1,
        }
        return fields[self.kind]

    @property
    def receptive_field(self) -> int | None:
        """Past samples that can affect one output (the start symbol counts as a sample); None if
        all of them can."""
        return None if self.kind == "gru" else self.past
