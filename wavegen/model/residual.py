"""The blocks that the models of speech are made of."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.model.convolution import convolve
from wavegen.model.shapes import KERNEL


class Residual(nn.Module):
    """Residual convolutions over (B, C, T).

    Args:
        channels: C.
        dilations: of the blocks.
        dropout: probability, while training.
    """

    def __init__(self, channels: int, dilations: tuple[int, ...], dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.convs = nn.ModuleList(
            nn.Conv1d(channels, channels, KERNEL, padding=KERNEL // 2 * d, dilation=d)
            for d in dilations
        )
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in dilations)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x, kept = x.transpose(1, 2), mask.transpose(1, 2)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            assert isinstance(conv, nn.Conv1d)
            y = norm(F.relu(convolve(x * kept, conv)))  # padding acts as zeros
            x = x + F.dropout(y, self.dropout, self.training)
        return (x * kept).transpose(1, 2)
