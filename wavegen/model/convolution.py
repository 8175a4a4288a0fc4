"""Convolutions over (B, T, C) as matrix products, which a CPU computes fastest in bf16."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def convolve(x: Tensor, layer: nn.Conv1d) -> Tensor:
    """What ``layer`` computes, of frames in rows.

    Args:
        x: (B, T, C); beyond its ends are zeros.
        layer: of an odd kernel and stride 1, whose padding keeps the length.

    Returns:
        (B, T, out).
    """
    (size,), (step,) = layer.kernel_size, layer.dilation
    beyond, frames = size // 2 * step, x.shape[1]
    weight = layer.weight.permute(0, 2, 1).flatten(1)  # (out, taps · C)
    if torch.is_autocast_enabled(x.device.type):
        x = x.to(torch.get_autocast_dtype(x.device.type))
    if size > 1:
        padded = F.pad(x, (0, 0, beyond, beyond))
        x = torch.cat([padded[:, n * step : n * step + frames] for n in range(size)], 2)
    return F.linear(x, weight, layer.bias)
