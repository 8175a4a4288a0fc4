"""Products whose inputs are rounded to 8 bits, as the `numba` engine computes them in int8."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST = 2.0**-99
"""Stands for the largest input where all are zero."""


def round_inputs(x: Tensor) -> Tensor:
    """(…, C) to multiples of 1/127 of the largest of each vector of C."""
    if not x.shape[-1]:
        return x
    most = x.abs().amax(-1, keepdim=True).clamp_min(LEAST)
    return (x * (127 / most)).round() * (most / 127)


def round_gates(h: Tensor) -> Tensor:
    """Outputs of gates, which lie between -1 and 1, to multiples of 1/127."""
    return (h * 127).round() / 127


def rounded_block(
    x: Tensor, z: Tensor, taps: Tensor, w_res: Tensor, dilation: int
) -> tuple[Tensor, Tensor]:
    """A `GatedResidualBlock`.

    Args:
        x: (B, T, R).
        z: (B, T, 2R) inputs of the gates from the conditioning.
        taps, w_res, dilation: of the block.

    Returns:
        (B, T, R) for the next block, and (B, T, R) outputs of the gates.
    """
    inputs, time = round_inputs(x), x.shape[1]
    for k, tap in enumerate(taps):
        shift = (len(taps) - 1 - k) * dilation
        z = z + F.pad(inputs, (0, 0, shift, 0))[:, :time] @ tap
    a, s = z.chunk(2, -1)
    h = torch.tanh(a) * torch.sigmoid(s)
    return x + round_inputs(h) @ w_res, h
