"""The gated residual block of WaveNet (van den Oord et al. 2016, §2.3–2.4), laid out for matmuls.

Layout is (B, T, C): a dilated causal convolution is then a sum of plain matrix products over
shifted views, which BLAS runs several times faster on a CPU than a channels-first `Conv1d`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class _GatedResidual(torch.autograd.Function):
    """The block as one autograd node.

    Written out by hand because autograd's own graph for it pads, concatenates and adds: the
    in-place products here train a fifth faster on a CPU and keep half the memory.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        skip: Tensor,
        taps: Tensor,
        w_res: Tensor,
        w_skip: Tensor,
        dilation: int,
        *conds: Tensor,
    ) -> tuple[Tensor, Tensor]:
        batch, time, channels = x.shape
        rows = x.reshape(batch * time, channels)
        z3 = _upsample(conds[0], time)
        for cond in conds[1:]:
            z3.view(batch, cond.shape[1], -1, 2 * channels).add_(cond[:, :, None])
        z = z3.view(batch * time, 2 * channels)
        z.addmm_(rows, taps[-1])
        for k, shift in _past(taps, dilation, time):
            z3[:, shift:].baddbmm_(x[:, : time - shift], taps[k].expand(batch, -1, -1))
        a = torch.tanh(z[:, :channels])
        s = torch.sigmoid(z[:, channels:])
        h = a * s
        y = torch.addmm(rows, h, w_res).view_as(x)
        skip.view(batch * time, -1).addmm_(h, w_skip)
        ctx.mark_dirty(skip)
        ctx.save_for_backward(x, taps, w_res, w_skip, a, s)
        ctx.dilation, ctx.frames = dilation, [cond.shape[1] for cond in conds]
        return y, skip

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor, grad_skip: Tensor) -> tuple[Tensor | None, ...]:
        x, taps, w_res, w_skip, a, s = ctx.saved_tensors
        batch, time, channels = x.shape
        rows = x.reshape(batch * time, channels)
        gy = grad_y.reshape(batch * time, channels)
        gs = grad_skip.reshape(batch * time, -1)
        h = a * s
        grad_w_res = h.t() @ gy
        grad_w_skip = h.t() @ gs
        gh = torch.addmm(gs @ w_skip.t(), gy, w_res.t())
        gz = torch.empty(batch * time, 2 * channels, dtype=x.dtype, device=x.device)
        torch.mul(torch.addcmul(s, h, a, value=-1), gh, out=gz[:, :channels])  # s (1 - a²)
        torch.mul(torch.addcmul(h, h, s, value=-1), gh, out=gz[:, channels:])  # a s (1 - s)
        gz3 = gz.view(batch, time, 2 * channels)
        grad_taps = torch.zeros_like(taps)
        torch.mm(rows.t(), gz, out=grad_taps[-1])
        gx = torch.addmm(gy, gz, taps[-1].t()).view_as(x)
        for k, shift in _past(taps, ctx.dilation, time):
            gx[:, : time - shift].baddbmm_(gz3[:, shift:], taps[k].t().expand(batch, -1, -1))
            past, grad = x[:, : time - shift].transpose(1, 2), gz3[:, shift:]
            if x.is_cuda:
                grad_taps[k] = torch.bmm(past, grad).sum(0, dtype=torch.float32)
                continue
            for b in range(batch):  # on a CPU, the batched product is slower in bf16
                grad_taps[k].addmm_(past[b], grad[b])
        grad_conds = [_pool(gz3, frames) for frames in ctx.frames]
        return gx, grad_skip, grad_taps, grad_w_res, grad_w_skip, None, *grad_conds


_block: Any = _GatedResidual.apply  # torch has no types for it


def _past(taps: Tensor, dilation: int, time: int) -> list[tuple[int, int]]:
    """(tap, shift) of the taps that look back, where the window is long enough for them."""
    last = taps.shape[0] - 1
    shifts = [(k, (last - k) * dilation) for k in range(last)]
    return [(k, shift) for k, shift in shifts if shift < time]


def _upsample(cond: Tensor, time: int) -> Tensor:
    """(B, F, C) rows repeated to a fresh (B, T, C); F divides T."""
    batch, frames, channels = cond.shape
    out = cond.new_empty(batch, frames, time // frames, channels)
    return out.copy_(cond[:, :, None]).view(batch, time, channels)


def _pool(grad: Tensor, frames: int) -> Tensor:
    """Adjoint of `_upsample`: (B, T, C) summed to (B, F, C)."""
    batch, time, channels = grad.shape
    return grad.view(batch, frames, time // frames, channels).sum(2)


class GatedResidualBlock(nn.Module):
    """One block: ``h = tanh(z₁) · σ(z₂)`` with ``z`` the dilated causal convolution of ``x`` plus
    the conditioning; ``x + W_res h`` goes to the next block, ``W_skip h`` to the skip sum.

    Biases of the convolution come with the conditioning; that of the skip sum is shared.

    Args:
        channels: R, residual channels.
        skip_channels: S.
        kernel_size: taps; tap ``k`` looks back ``(kernel_size - 1 - k) * dilation`` samples, and
            before the first sample there are zeros.
    """

    def __init__(
        self, channels: int, skip_channels: int, kernel_size: int, dilation: int, layers: int
    ) -> None:
        super().__init__()
        self.dilation = dilation
        fan_in = kernel_size * channels
        self.taps = nn.Parameter(torch.randn(kernel_size, channels, 2 * channels) / fan_in**0.5)
        # Sums over the layers keep unit scale whatever their number.
        self.w_res = nn.Parameter(torch.randn(channels, channels) / math.sqrt(channels * layers))
        self.w_skip = nn.Parameter(
            torch.randn(channels, skip_channels) / math.sqrt(channels * layers)
        )

    def forward(self, x: Tensor, skip: Tensor, conds: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """
        Args:
            x: (B, T, R).
            skip: (B, T, S), the sum so far; changed in place.
            conds: what is added inside the gates: one (B, F, 2R) or more, each F a divisor of T,
                each row for T/F samples.

        Returns:
            (B, T, R) for the next block, and the skip sum.
        """
        args = (x, skip, self.taps, self.w_res, self.w_skip)
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            with torch.autocast(x.device.type, enabled=False):
                out = _block(
                    *(t.to(dtype) for t in args), self.dilation, *(t.to(dtype) for t in conds)
                )
        else:
            out = _block(*args, self.dilation, *conds)
        y, total = out
        return y, total
