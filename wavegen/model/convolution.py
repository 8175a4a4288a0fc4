"""Convolutions over (B, T, C) as matrix products, which a CPU computes fastest in bf16."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def convolve(x: Tensor, layer: nn.Conv1d) -> Tensor:
    """What ``layer`` computes, of frames in rows.

    Args:
        x: (B, T, C); beyond its ends are zeros.
        layer: of an odd kernel and stride 1, whose padding keeps the length.

    Returns:
        (B, T, out).
    """
    (size,), (step,) = layer.kernel_size, layer.dilation
    weight = layer.weight.permute(0, 2, 1).flatten(1)  # (out, taps · C)
    if torch.is_autocast_enabled(x.device.type):
        x = x.to(torch.get_autocast_dtype(x.device.type))
    if size > 1:
        x = _columns(x, size, step)
    return F.linear(x, weight, layer.bias)


class _Columns(torch.autograd.Function):
    """(B, T, C) frames to (B, T, size · C), each with its neighbours ``step`` apart and with zeros
    beyond the ends.

    Written out by hand because autograd's own gradient fills and adds a tensor for each neighbour.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, step: int) -> Tensor:
        ctx.size, ctx.step = size, step
        beyond, frames = size // 2 * step, x.shape[1]
        padded = F.pad(x, (0, 0, beyond, beyond))
        return torch.cat([padded[:, n * step : n * step + frames] for n in range(size)], 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        size, step = ctx.size, ctx.step
        beyond, frames = size // 2 * step, grad.shape[1]
        parts = grad.chunk(size, 2)
        out = parts[size // 2].clone(memory_format=torch.contiguous_format)
        for n, part in enumerate(parts):
            shift = n * step - beyond  # of what the part is of
            if 0 < abs(shift) < frames:
                begin, end = max(0, shift), min(frames, frames + shift)
                out[:, begin:end] += part[:, begin - shift : end - shift]
        return out, None, None


_columns: Any = _Columns.apply  # torch has no types for it
