"""Draw tracks of features from their distribution, by conditional flow matching.

A network learns the velocity that moves noise to data along straight lines (Lipman et al. 2023,
§4.1, "optimal transport"; for speech: Matcha-TTS, Mehta et al. 2024, §3). What is drawn varies as
the data do, where a regression gives their mean.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.model.convolution import convolve
from wavegen.model.numpy.flow import DILATIONS, WAVES
from wavegen.model.shapes import FLOW_KERNEL

SMALLEST = 1e-4
"""Standard deviation of the noise that is left in the data, σ_min of the paper."""


class Flow(nn.Module):
    """A distribution of (B, C, F) tracks, of mean about 0 and variance about 1, given conditions.

    Args:
        channels: C.
        conditions: channels of the conditions.
        width: channels of the blocks.
        blocks: number of residual blocks, each with a dilated convolution.
    """

    def __init__(self, channels: int, conditions: int, width: int, blocks: int) -> None:
        super().__init__()
        self.channels = channels
        self.first = nn.Conv1d(channels + conditions, width, 1)
        self.blocks = nn.ModuleList(
            _Block(width, DILATIONS[n % len(DILATIONS)]) for n in range(blocks)
        )
        self.last = nn.Conv1d(width, channels, 1)
        nn.init.zeros_(self.last.weight)

    def velocity(self, x: Tensor, time: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """What moves a point on its way from noise to data.

        Args:
            x: (B, C, F).
            time: (B,) from 0, noise, to 1, data.
            condition: (B, conditions, F).
            mask: (B, 1, F) 1 where there is a frame, else 0.

        Returns:
            (B, C, F).
        """
        waves = _waves(time)
        y = convolve(torch.cat([x, condition], 1).transpose(1, 2), self.first)
        kept = mask.transpose(1, 2)
        for block in self.blocks:
            y = block(y, waves, kept)
        return convolve(F.silu(y), self.last).transpose(1, 2)

    def loss(
        self, x: Tensor, noise: Tensor, condition: Tensor, mask: Tensor, where: Tensor
    ) -> Tensor:
        """Mean square error of the velocity, at one random time in each row.

        Args:
            x: (B, C, F) data.
            noise: (B, C, F) as for `sample`.
            condition: (B, conditions, F).
            mask: (B, 1, F) 1 where there is a frame.
            where: (B, 1, F) 1 in the frames that have data, else 0.
        """
        time = torch.rand(len(x), device=x.device)
        t = time[:, None, None]
        moving = ((1 - (1 - SMALLEST) * t) * noise + t * x) * where
        wanted = x - (1 - SMALLEST) * noise
        error = (self.velocity(moving, time, condition, mask) - wanted).square() * where
        return error.sum() / (where.sum().clamp_min(1) * self.channels)

    def sample(
        self, noise: Tensor, condition: Tensor, mask: Tensor, where: Tensor, steps: int
    ) -> Tensor:
        """Move noise to data by the midpoint rule, two evaluations of the network a step.

        Args:
            noise: (B, C, F) of any distribution that the flow was trained with, such as normal;
                scaled below 1, what is drawn varies less.
            condition: (B, conditions, F).
            mask: (B, 1, F), as in `loss`.
            where: (B, 1, F), as in `loss`.
            steps: of equal length.

        Returns:
            (B, C, F), 0 outside ``where``.
        """
        x = noise * where
        for n in range(steps):
            begin, middle = (x.new_full((len(x),), (n + a) / steps) for a in (0.0, 0.5))
            half = x + self.velocity(x, begin, condition, mask) * where / (2 * steps)
            x = x + self.velocity(half, middle, condition, mask) * where / steps
        return x


class _Block(nn.Module):
    """Residual convolution of (B, F, width), normalised, and scaled and shifted by the time
    (Peebles and Xie 2023, §3.2, "adaLN")."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.time = nn.Linear(2 * WAVES, 2 * width)
        self.conv = nn.Conv1d(
            width, width, FLOW_KERNEL, padding=FLOW_KERNEL // 2 * dilation, dilation=dilation
        )
        self.out = nn.Conv1d(width, width, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, waves: Tensor, mask: Tensor) -> Tensor:
        scale, shift = self.time(waves)[:, None].chunk(2, 2)  # (B, 1, width) each
        y = F.layer_norm(x, x.shape[2:])
        y = convolve((y * (1 + scale) + shift) * mask, self.conv)  # padding acts as zeros
        return x + convolve(F.silu(y), self.out)


def _waves(time: Tensor) -> Tensor:
    """(B,) to (B, 2 · WAVES): sines and cosines of a quarter to 8 periods."""
    rates = torch.logspace(-2, 3, WAVES, 2, device=time.device) * 2 * math.pi
    turns = time[:, None] * rates
    return torch.cat([turns.sin(), turns.cos()], 1)
