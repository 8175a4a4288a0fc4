"""The gated residual block in two kernels for a GPU (Triton), forward and backward.

Step by step (`wavegen.model.layers`) a block reads and writes some 15 kB for each sample of 64
channels, which is what a GPU spends its time on. Here the gates stay in registers, and the
backward pass computes them again. Only gradients of what is shared by samples leave the kernels in
float32: each program sums its own, and torch adds those, so that results do not depend on which
program was first.
"""

from __future__ import annotations

import os
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

CHANNELS = (16, 32, 64)
"""Widths whose sums fit into registers."""
TILES = {"forward": 64, "backward": 32}
"""Samples that a program computes at a time."""
PROGRAMS = 132
"""Programs of the backward pass, one for each multiprocessor of an H100."""
TYPES = {torch.float32: tl.float32, torch.float16: tl.float16, torch.bfloat16: tl.bfloat16}


def options(name: str, channels: int) -> dict[str, int]:
    """How a kernel is compiled; with these no register is spilled on an H100."""
    if name == "forward":
        return {"num_warps": 4, "num_stages": 1}
    return {"num_warps": 8 if channels == 64 else 4, "num_stages": 2}


@triton.jit
def _gates(x, past, taps, cond, w, R: tl.constexpr):
    """tanh and sigmoid, float32, of a tile."""
    z1 = tl.dot(past, tl.load(taps + w), cond[0])
    z1 = tl.dot(x, tl.load(taps + 2 * R * R + w), z1)
    z2 = tl.dot(past, tl.load(taps + w + R), cond[1])
    z2 = tl.dot(x, tl.load(taps + 2 * R * R + w + R), z2)
    return 2 / (1 + tl.exp(-2 * z1)) - 1, 1 / (1 + tl.exp(-z2))


@triton.jit
def _conditions(cond, b, t, inside, T, hop, r, R: tl.constexpr):
    at = cond + (b * (T // hop) + t // hop)[:, None] * (2 * R) + r[None, :]
    one = tl.load(at, mask=inside, other=0.0).to(tl.float32)
    return one, tl.load(at + R, mask=inside, other=0.0).to(tl.float32)


@triton.jit
def _forward(
    x_p, y_p, h_p, stride, taps, res, cond, T, hop, d,
    R: tl.constexpr, BT: tl.constexpr, DT: tl.constexpr,
):  # fmt: skip
    """Grid (tiles, B): (B, T, R) x to y, and h with rows ``stride`` apart."""
    b, r = tl.program_id(1), tl.arange(0, R)
    t = tl.program_id(0) * BT + tl.arange(0, BT)
    inside = (t < T)[:, None]
    row = (b.to(tl.int64) * T + t)[:, None]  # of all rows: there may be more numbers than 2³¹
    x = tl.load(x_p + row * R + r[None, :], mask=inside, other=0.0)
    past = tl.load(x_p + (row - d) * R + r[None, :], mask=inside & (t >= d)[:, None], other=0.0)
    known = _conditions(cond, b, t, inside, T, hop, r, R)
    a, s = _gates(x, past, taps, known, r[:, None] * (2 * R) + r[None, :], R)
    h = (a * s).to(DT)
    y = tl.dot(h, tl.load(res + r[:, None] * R + r[None, :]), x.to(tl.float32))
    tl.store(h_p + row * stride + r[None, :], h, mask=inside)
    tl.store(y_p + row * R + r[None, :], y.to(DT), mask=inside)


@triton.jit
def _backward(
    x_p, gy_p, gh_p, stride, gx_p, gz_p, sums, taps, res, cond, T, hop, d, tiles, work, rounds,
    R: tl.constexpr, BT: tl.constexpr, DT: tl.constexpr,
):  # fmt: skip
    """Gradients of z, and of x but for what its later taps do; a program's sums of those of the
    weights are (5, R, R): past tanh, past sigmoid, present tanh, present sigmoid, residual."""
    r = tl.arange(0, R)
    w = r[:, None] * (2 * R) + r[None, :]
    square = r[:, None] * R + r[None, :]
    past1 = tl.zeros((R, R), tl.float32)
    past2 = tl.zeros((R, R), tl.float32)
    now1 = tl.zeros((R, R), tl.float32)
    now2 = tl.zeros((R, R), tl.float32)
    residual = tl.zeros((R, R), tl.float32)
    for i in range(rounds):
        k = tl.program_id(0) + i * tl.num_programs(0)
        b, t = k // tiles, (k % tiles) * BT + tl.arange(0, BT)
        inside = ((t < T) & (k < work))[:, None]
        row = (b.to(tl.int64) * T + t)[:, None]
        x = tl.load(x_p + row * R + r[None, :], mask=inside, other=0.0)
        before = inside & (t >= d)[:, None]
        past = tl.load(x_p + (row - d) * R + r[None, :], mask=before, other=0.0)
        known = _conditions(cond, b, t, inside, T, hop, r, R)
        a, s = _gates(x, past, taps, known, w, R)
        h = a * s
        gy = tl.load(gy_p + row * R + r[None, :], mask=inside, other=0.0)
        gh = tl.load(gh_p + row * stride + r[None, :], mask=inside, other=0.0).to(tl.float32)
        gh = tl.dot(gy, tl.trans(tl.load(res + square)), gh)
        g1 = ((s - h * a) * gh).to(DT)  # s (1 - a²)
        g2 = ((h - h * s) * gh).to(DT)  # a s (1 - s)
        residual = tl.dot(tl.trans(h.to(DT)), gy, residual)
        x, past = tl.trans(x), tl.trans(past)
        now1 = tl.dot(x, g1, now1)
        now2 = tl.dot(x, g2, now2)
        past1 = tl.dot(past, g1, past1)
        past2 = tl.dot(past, g2, past2)
        gx = tl.dot(g1, tl.trans(tl.load(taps + 2 * R * R + w)), gy.to(tl.float32))
        gx = tl.dot(g2, tl.trans(tl.load(taps + 2 * R * R + w + R)), gx)
        tl.store(gx_p + row * R + r[None, :], gx.to(DT), mask=inside)
        tl.store(gz_p + row * (2 * R) + r[None, :], g1, mask=inside)
        tl.store(gz_p + row * (2 * R) + R + r[None, :], g2, mask=inside)
    mine = sums + tl.program_id(0) * 5 * R * R + square
    tl.store(mine, past1)
    tl.store(mine + R * R, past2)
    tl.store(mine + 2 * R * R, now1)
    tl.store(mine + 3 * R * R, now2)
    tl.store(mine + 4 * R * R, residual)


def fits(x: Tensor, taps: int, conds: int) -> bool:
    """Whether `FusedBlock` computes such a block.

    Args:
        x: its input; in float32 the plain block is more exact.
        taps: its number of taps.
        conds: number of its conditioning tensors.
    """
    narrow = x.dtype in (torch.bfloat16, torch.float16)
    return narrow and x.shape[2] in CHANNELS and (taps, conds) == (2, 1)


class FusedBlock(torch.autograd.Function):
    """As `wavegen.model.layers._GatedResidual`, for two taps and one conditioning tensor."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gates: Tensor,
        number: int,
        taps: Tensor,
        w_res: Tensor,
        dilation: int,
        cond: Tensor,
    ) -> tuple[Tensor, Tensor]:
        batch, time, channels = x.shape
        x, cond = x.contiguous(), cond.contiguous()
        taps, w_res = (w.to(x.dtype).contiguous() for w in (taps, w_res))
        y = torch.empty_like(x)
        hop = time // cond.shape[1]
        h = gates[..., number * channels :]
        tile = TILES["forward"]
        _forward[(triton.cdiv(time, tile), batch)](
            x, y, h, gates.shape[-1], taps, w_res, cond, time, hop, dilation,
            R=channels, BT=tile, DT=TYPES[x.dtype], **options("forward", channels),
        )  # fmt: skip
        ctx.mark_dirty(gates)
        ctx.save_for_backward(x, taps, w_res, cond)
        ctx.number, ctx.dilation = number, dilation
        return y, gates

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor, grad_gates: Tensor) -> tuple[Tensor | None, ...]:
        x, taps, w_res, cond = ctx.saved_tensors
        batch, time, channels = x.shape
        grad_y, grad_gates = grad_y.contiguous(), grad_gates.contiguous()
        gx, gz = torch.empty_like(x), x.new_empty(batch, time, 2 * channels)
        tile = TILES["backward"]
        tiles = triton.cdiv(time, tile)
        programs = min(PROGRAMS, tiles * batch)
        rounds = triton.cdiv(tiles * batch, programs)
        sums = torch.empty(programs, 5, channels, channels, device=x.device)
        gh = grad_gates[..., ctx.number * channels :]
        _backward[(programs,)](
            x, grad_y, gh, grad_gates.shape[-1], gx, gz, sums, taps, w_res, cond,
            time, time // cond.shape[1], ctx.dilation, tiles, tiles * batch, _count(rounds),
            R=channels, BT=tile, DT=TYPES[x.dtype], **options("backward", channels),
        )  # fmt: skip
        past1, past2, now1, now2, grad_res = sums.sum(0)
        grad_taps = torch.stack([torch.cat([past1, past2], 1), torch.cat([now1, now2], 1)])
        if ctx.dilation < time:
            later = taps[0].t().expand(batch, -1, -1)
            gx[:, : time - ctx.dilation].baddbmm_(gz[:, ctx.dilation :], later)
        grad_cond = gz.view(batch, cond.shape[1], -1, 2 * channels).sum(2)
        return gx, grad_gates, None, grad_taps, grad_res, None, grad_cond


def _count(number: int) -> Any:
    """An argument that bounds a loop, which the interpreter takes as a constant only."""
    return tl.constexpr(number) if os.environ.get("TRITON_INTERPRET") == "1" else number
