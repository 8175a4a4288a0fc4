"""Softmax over 256 µ-law codes (WaveNet, §2.2) and, optionally, the end of the clip."""

from __future__ import annotations

import functools

import numpy as np
import torch
import torch.nn.functional as F
import torchaudio.functional as AF
from torch import Tensor, nn

from wavegen.audio import mulaw
from wavegen.config import ModelConfig
from wavegen.outputs.coding import MuLaw


class Categorical:
    """A categorical distribution over 8-bit µ-law codes.

    Args:
        config: with `ModelConfig.ends` there is one more class, `end`: the clip is over. It is
            predicted but never an input.
    """

    levels, unit, draws = MuLaw.levels, MuLaw.unit, MuLaw.draws

    def __init__(self, config: ModelConfig) -> None:
        coding = MuLaw(config)
        self.end, self.channels, self.start = coding.end, coding.channels, coding.start

    @staticmethod
    def encode(audio: Tensor) -> Tensor:
        """`mulaw.encode` of tensors."""
        codes: Tensor = AF.mu_law_encoding(audio.clamp(-1.0, 1.0), mulaw.LEVELS)
        return codes

    @staticmethod
    def decode(codes: Tensor) -> Tensor:
        """`mulaw.decode` of tensors, to the bit."""
        return _amplitudes(codes.device)[codes.long()]

    def inputs(self, channels: int) -> nn.Module:
        """Samples to inputs of the network: codes (…) → (…, channels)."""
        return nn.Embedding(self.channels + 1, channels)

    @staticmethod
    def companded(codes: Tensor) -> Tensor:
        """The samples as µ-law codes (`end`, which is never an input, as any of them)."""
        return codes.clamp(max=mulaw.LEVELS - 1)

    @staticmethod
    def loss(logits: Tensor, codes: Tensor) -> Tensor:
        """Negative log-likelihood in nats: logits (…, channels), codes (…) → (…)."""
        wide = logits if logits.dtype == torch.float64 else logits.float()
        flat = F.cross_entropy(wide.flatten(0, -2), codes.flatten(), reduction="none")
        return flat.view(codes.shape)

    @staticmethod
    def loss_between(logits: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Likewise of the amplitudes between two bounds, which may be infinite, each code's
        probability being spread evenly over the amplitudes that it stands for. Those beyond ±1,
        which have no code of their own, count as the nearest ones.

        Args:
            logits: (…, channels).
            low, high: (…) float64 amplitudes.
        """
        edges = torch.from_numpy(mulaw.edges()).to(logits.device)
        span = (high - low).clamp(max=float(edges[-1] - edges[-2]))
        above, below = low >= 1, high <= -1
        low = low.where(~above, 1 - span).clamp(min=-1.0)[..., None]
        high = high.where(~below, span - 1).clamp(max=1.0)[..., None]
        shared = torch.minimum(high, edges[1:]) - torch.maximum(low, edges[:-1])
        part = (shared.clamp(min=0) / edges.diff()).log()
        log = logits.double().log_softmax(-1)[..., : mulaw.LEVELS]
        nats = -torch.logsumexp(log + part, -1)
        return nats if logits.dtype == torch.float64 else nats.float()

    @staticmethod
    def ending(logits: Tensor, codes: Tensor) -> Tensor:
        """The part of the loss that is about whether the clip ends; shapes as in `loss`."""
        wide = logits.float()
        odds = wide[..., -1] - wide[..., :-1].logsumexp(-1)
        ends = (codes == mulaw.LEVELS).to(odds.dtype)
        return F.binary_cross_entropy_with_logits(odds, ends, reduction="none")

    def sample(
        self,
        logits: Tensor,
        uniforms: Tensor,
        temperature: Tensor | float = 1.0,
        ends: Tensor | bool = True,
    ) -> Tensor:
        """Inverse CDF: the first code whose cumulative probability exceeds the uniform.

        Args:
            logits: (B, channels).
            uniforms: (B, draws) float64 in [0, 1).
            temperature: divides the logits, one for all or (B, 1); 0 takes the most likely code.
            ends: whether `end` may be drawn, one for all or (B,).

        Returns:
            (B,) int64 codes.
        """
        # float64, because 256 rounded float32 sums need not reach 1.
        logits = logits.to(torch.float64, copy=True)
        if self.end is not None:
            may_end = torch.as_tensor(ends, device=logits.device).expand(len(logits))
            logits[~may_end, self.end] = -torch.inf
        t = torch.as_tensor(temperature, dtype=torch.float64, device=logits.device)
        cdf = torch.softmax(logits / t.clamp_min(1e-30), -1).cumsum(-1)
        index = torch.searchsorted(cdf, uniforms * cdf[:, -1:], right=True)
        return index[:, 0].clamp_(max=logits.shape[-1] - 1)


@functools.cache
def _amplitudes(device: torch.device) -> Tensor:
    """(LEVELS,) of all codes."""
    return torch.from_numpy(mulaw.decode(np.arange(mulaw.LEVELS))).to(device)
