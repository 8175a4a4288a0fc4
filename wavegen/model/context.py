"""Context stacks: a long past at a low rate (WaveNet, §2.6)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.audio import mulaw
from wavegen.config import ContextConfig
from wavegen.model.layers import GatedResidualBlock, run_blocks

CHUNK = 1 << 18
"""Samples pooled at a time, since their embeddings take far more memory than the frames."""


class ContextStack(nn.Module):
    """A smaller WaveNet over frames of P samples, whose output the main stack's gates are given.

    Its input is µ-law codes, whatever the output distribution. Frame k pools samples
    kP … (k+1)P − 1 of the recording, and reaches the samples after them only. Its skip sum goes to
    the gates as it is: behind a rectifier all of it fell silent for ever at high learning rates.

    Args:
        config: sizes.
        width: all inputs of the main stack's gates, 2R of each block.
    """

    def __init__(self, config: ContextConfig, width: int) -> None:
        super().__init__()
        self.config = config
        c, pool = config.channels, config.pool
        self.embedding = nn.Embedding(mulaw.LEVELS, c)
        self.convolution = None
        if config.pooling == "conv":
            self.convolution = nn.Linear(pool * c, c, bias=False)
        else:  # the mean over a frame keeps unit scale
            nn.init.normal_(self.embedding.weight, std=pool**0.25)
        self.blocks = nn.ModuleList(
            GatedResidualBlock(c, c, config.kernel_size, d, config.layers) for d in config.dilations
        )
        self.bias = nn.Parameter(torch.zeros(config.layers, 2 * c))
        self.skip_bias = nn.Parameter(torch.zeros(c))
        self.gates = nn.Linear(c, width, bias=False)

    def pooled(self, codes: Tensor) -> Tensor:
        """(B, K, P) µ-law codes of whole frames to (B, K, C)."""
        batch, _, pool = codes.shape
        step = max(1, CHUNK // (batch * pool))
        parts = []
        for part in torch.split(codes, step, 1):
            flat = part.flatten(0, 1).long()
            if self.convolution is None:
                x = F.embedding_bag(flat, self.embedding.weight, mode="mean")
            else:
                x = self.convolution(self.embedding(flat).flatten(1))
            parts.append(x.view(batch, part.shape[1], -1))
        return torch.cat(parts, 1)

    def forward(self, codes: Tensor, keep: list[Tensor] | None = None) -> Tensor:
        """Encode the past up to the beginning of every frame.

        Args:
            codes: (B, T) µ-law codes, from the beginning of the recording, or from at least a
                receptive field back.
            keep: is given the (B, T // P, C) inputs of every block.

        Returns:
            (B, 1 + T // P, C), zeros for the first frame, which has no past.
        """
        batch, pool = len(codes), self.config.pool
        frames = codes.shape[1] // pool
        first = self.bias.new_zeros(batch, 1, self.config.channels)
        if not frames:
            if keep is not None:
                keep += [first[:, :0]] * len(self.blocks)
            return first
        x = self.pooled(codes[:, : frames * pool].reshape(batch, frames, pool))
        blocks: Any = self.blocks
        conds = [(bias.expand(batch, 1, -1),) for bias in self.bias]
        skip = run_blocks(list(blocks), x, conds, self.skip_bias, keep)
        return torch.cat([first, skip.to(first.dtype)], 1)

    def window(self, known: Tensor, first: Tensor, time: int) -> Tensor:
        """Select the frames that condition windows.

        Args:
            known: (B, K, C) from `forward`.
            first: (B,) sample of the recording that each window begins with, a multiple of P.
            time: samples of a window.

        Returns:
            (B, F, C) with F a divisor of ``time``.
        """
        pool = self.config.pool
        numbers = torch.arange(-(-time // pool), device=known.device)
        index = (first[:, None] // pool + numbers)[..., None].expand(-1, -1, known.shape[2])
        frames = known.gather(1, index)
        if time % pool:
            frames = frames.repeat_interleave(pool, 1)[:, :time]
        return frames
