"""The gated residual block of WaveNet (van den Oord et al. 2016, §2.3–2.4), laid out for matmuls.

Layout is (B, T, C): a dilated causal convolution is then a sum of plain matrix products over
shifted views, which BLAS runs several times faster on a CPU than a channels-first `Conv1d`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from wavegen.model import tiles
from wavegen.model.rounded import round_gates, rounded_block


class PlainBlock(torch.autograd.Function):
    """The block as one autograd node.

    Written out by hand because autograd's own graph for it pads, concatenates and adds: the
    in-place products here train a fifth faster on a CPU and keep half the memory.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gates: Tensor,
        number: int,
        taps: Tensor,
        w_res: Tensor,
        dilation: int,
        *conds: Tensor,
    ) -> tuple[Tensor, Tensor]:
        batch, time, channels = x.shape
        taps, w_res = taps.to(x.dtype), w_res.to(x.dtype)
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
        h = torch.mul(a, s, out=_part(gates, number, channels))
        y = torch.addmm(rows, h, w_res).view_as(x)
        ctx.mark_dirty(gates)
        ctx.save_for_backward(x, taps, w_res, a, s)
        ctx.number, ctx.dilation = number, dilation
        ctx.frames = [cond.shape[1] for cond in conds]
        return y, gates

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor, grad_gates: Tensor) -> tuple[Tensor | None, ...]:
        x, taps, w_res, a, s = ctx.saved_tensors
        batch, time, channels = x.shape
        rows = x.reshape(batch * time, channels)
        gy = grad_y.reshape(batch * time, channels)
        h = a * s
        grad_w_res = _wide(h.t(), gy)
        gh = torch.addmm(_part(grad_gates, ctx.number, channels), gy, w_res.t())
        gz = torch.empty(batch * time, 2 * channels, dtype=x.dtype, device=x.device)
        torch.mul(torch.addcmul(s, h, a, value=-1), gh, out=gz[:, :channels])  # s (1 - a²)
        torch.mul(torch.addcmul(h, h, s, value=-1), gh, out=gz[:, channels:])  # a s (1 - s)
        gz3 = gz.view(batch, time, 2 * channels)
        last = _wide(rows.t(), gz)
        grad_taps = last.new_zeros(taps.shape)
        grad_taps[-1] = last
        gx = torch.addmm(gy, gz, taps[-1].t()).view_as(x)
        for k, shift in _past(taps, ctx.dilation, time):
            gx[:, : time - shift].baddbmm_(gz3[:, shift:], taps[k].t().expand(batch, -1, -1))
            past, grad = x[:, : time - shift].transpose(1, 2), gz3[:, shift:]
            if x.is_cuda:
                grad_taps[k] = _wide(past, grad).sum(0)
                continue
            for b in range(batch):  # on a CPU, the batched product is slower in bf16
                grad_taps[k].addmm_(past[b], grad[b])
        grad_conds = [_pool(gz3, frames) for frames in ctx.frames]
        return gx, grad_gates, None, grad_taps, grad_w_res, None, *grad_conds


_block: Any = PlainBlock.apply  # torch has no types for it


def _wide(a: Tensor, b: Tensor) -> Tensor:
    """The product of two matrices, or of two batches of them; a GPU gives that of 16-bit numbers in
    float32, as it sums them."""
    narrow = a.dtype in (torch.bfloat16, torch.float16)
    if a.is_cuda and narrow:
        product = torch.mm if a.dim() == 2 else torch.bmm
        return product(a, b, out_dtype=torch.float32)
    return a @ b


def _part(gates: Tensor, number: int, channels: int) -> Tensor:
    """(B·T, R) outputs of one block's gates, of (B, T, L·R) those of all."""
    return gates.flatten(0, 1)[:, number * channels : (number + 1) * channels]


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
        self.fused = False
        """Whether to use `FusedBlock` where it fits."""
        self.rounded = False
        """Whether to round the inputs of products; there is no gradient then."""
        fan_in = kernel_size * channels
        self.taps = nn.Parameter(torch.randn(kernel_size, channels, 2 * channels) / fan_in**0.5)
        # Sums over the layers keep unit scale whatever their number.
        self.w_res = nn.Parameter(torch.randn(channels, channels) / math.sqrt(channels * layers))
        self.w_skip = nn.Parameter(
            torch.randn(channels, skip_channels) / math.sqrt(channels * layers)
        )

    def forward(
        self, x: Tensor, gates: Tensor, number: int, conds: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor]:
        """
        Args:
            x: (B, T, R).
            gates: (B, T, L·R) room for ``h`` of all blocks; changed in place.
            number: of this block among them.
            conds: what is added inside the gates: one (B, F, 2R) or more, each F a divisor of T,
                each row for T/F samples.

        Returns:
            (B, T, R) for the next block, and the gates.
        """
        conds = tuple(c.to(x.dtype) for c in conds)
        if self.rounded:
            z = torch.stack([_upsample(c, x.shape[1]) for c in conds]).sum(0)
            y, h = rounded_block(x, z, self.taps, self.w_res, self.dilation)
            _part(gates, number, h.shape[-1])[:] = h.flatten(0, 1)
            return y, gates
        block = _block
        if self.fused:
            from wavegen.model.fused import FusedBlock, fits  # triton is not everywhere

            block = FusedBlock.apply if fits(x, len(self.taps), len(conds)) else _block
        elif tiles.fits(x, len(conds)):
            block = tiles.TiledBlock.apply
        y, gates = block(x, gates, number, self.taps, self.w_res, self.dilation, *conds)
        return y, gates


def run_blocks(
    blocks: Sequence[GatedResidualBlock],
    x: Tensor,
    conds: Sequence[tuple[Tensor, ...]],
    bias: Tensor,
    keep: list[Tensor] | None = None,
) -> Tensor:
    """The skip sum of a stack of blocks.

    The gates of all blocks are multiplied with ``W_skip`` at once: the sum is then rounded once,
    and a GPU need not read and write it in every layer. Without gradients, where the gates need
    not be kept, the products are added layer by layer, which takes less memory.

    Args:
        blocks: of R channels each.
        x: (B, T, R) input of the first one.
        conds: of each block.
        bias: (S,) of the sum.
        keep: list to append the (B, T, R) inputs of every block to.

    Returns:
        (B, T, S).
    """
    kind = x.device.type
    auto = torch.is_autocast_enabled(kind)
    dtype = torch.get_autocast_dtype(kind) if auto else x.dtype
    batch, time, channels = x.shape
    rounded = blocks[0].rounded
    collect = torch.is_grad_enabled() or rounded
    with torch.autocast(kind, enabled=False):
        x, bias = x.to(dtype), bias.to(dtype)
        gates = x.new_empty(batch, time, channels * (len(blocks) if collect else 1))
        skip = bias.expand(batch * time, -1)
        for number, (block, cond) in enumerate(zip(blocks, conds, strict=True)):
            if keep is not None:
                keep.append(x)
            x, gates = block(x, gates, number if collect else 0, cond)
            if not collect:
                skip = torch.addmm(skip, gates.flatten(0, 1), block.w_skip.to(dtype))
        if collect:
            weights = torch.cat([b.w_skip for b in blocks]).to(dtype)
            inputs = gates.flatten(0, 1)
            skip = torch.addmm(bias, round_gates(inputs) if rounded else inputs, weights)
    return skip.view(batch, time, -1)
