"""A WaveNet as most write it: the yardstick of training."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.audio.taps import INPUTS
from wavegen.config import Config


class Conv1dWaveNet(nn.Module):
    """A WaveNet on (B, C, T) with one `Conv1d` for each product."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        m, encoded = config.model, config.conditioning.encoder_channels
        c, s = m.residual_channels, m.skip_channels
        self.dilations, self.reach = m.dilations, m.kernel_size - 1
        self.embedding = nn.Embedding(257, c)
        self.given = nn.Conv1d(INPUTS, c, 1, bias=False)
        self.taps = nn.ModuleList(
            nn.Conv1d(c, 2 * c, m.kernel_size, dilation=d) for d in m.dilations
        )
        self.cond = nn.ModuleList(nn.Conv1d(encoded, 2 * c, 1) for _ in m.dilations)
        self.residual = nn.ModuleList(nn.Conv1d(c, c, 1) for _ in m.dilations)
        self.skip = nn.ModuleList(nn.Conv1d(c, s, 1) for _ in m.dilations)
        self.hidden, self.head = nn.Conv1d(s, s, 1), nn.Conv1d(s, 256, 1)

    def forward(self, codes: Tensor, rows: Tensor, given: Tensor) -> Tensor:
        """(B, T) codes, (B, E, F) rows and (B, INPUTS, T) inputs to (B, 256, T) logits."""
        before = F.pad(codes, (1, 0), value=256)[:, :-1]
        x = self.embedding(before).transpose(1, 2) + self.given(given)
        total: Tensor | int = 0
        repeat = codes.shape[1] // rows.shape[2]
        for d, taps, cond, residual, skip in zip(
            self.dilations, self.taps, self.cond, self.residual, self.skip, strict=True
        ):
            z = taps(F.pad(x, (d * self.reach, 0)))
            z = z + cond(rows).repeat_interleave(repeat, 2)
            a, b = z.chunk(2, 1)
            h = torch.tanh(a) * torch.sigmoid(b)
            total = total + skip(h)
            x = x + residual(h)
        assert isinstance(total, Tensor)
        logits: Tensor = self.head(F.relu(self.hidden(F.relu(total))))
        return logits
