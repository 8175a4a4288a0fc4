"""The gated residual block in two kernels for a GPU (Triton), forward and backward.

Step by step (`wavegen.model.layers`) a block reads and writes some 8 kB for each sample of 64
channels, which is what a GPU spends its time on; here it is 2 kB. The gates stay in registers, and
the backward pass computes them again. As many programs as a GPU runs at once take tile after tile,
so that the weights stay in shared memory. Only gradients of what is shared by samples leave the
kernels in float32: each program sums its own, and torch adds those, so that results do not depend
on which program was first.
"""

from __future__ import annotations

import functools
import os
from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

CHANNELS = (16, 32, 64)
"""Widths whose sums fit into registers."""
CAPABILITY = (8, 0)
"""The least compute capability that multiplies numbers in bf16."""
TYPES = {torch.float32: tl.float32, torch.float16: tl.float16, torch.bfloat16: tl.bfloat16}
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


class Shape(NamedTuple):
    """How a kernel is compiled and launched."""

    tile: int
    """Samples that a program computes at a time."""
    warps: int
    programs: int
    """Programs that a multiprocessor has room for."""


def shape(kernel: str, channels: int, hopper: bool) -> Shape:
    """Of ``forward`` or ``backward``.

    A Hopper GPU (compute capability 9) multiplies in groups of four warps, best with 64 samples and
    more. No value of the loops is spilled with these; of some addresses 128 bytes are, see
    ``tests/model/compile_fused.py``.
    """
    if kernel == "forward":
        return Shape(64, 4, 3 if channels == max(CHANNELS) else 6)
    if channels == max(CHANNELS):
        return Shape(128 if hopper else 32, 8, 1)
    return Shape(64 if hopper else 32, 4, 2)


@triton.jit
def _sigmoid(z, FAST: tl.constexpr):
    y = 1 + tl.exp2(-1.4426950408889634 * z)
    if FAST:  # a division would take a third of all instructions
        return tl.inline_asm_elementwise(
            "rcp.approx.ftz.f32 $0, $1;", "=f,f", [y], dtype=tl.float32, is_pure=True, pack=1
        )
    else:
        return 1 / y


@triton.jit
def _known(cond, first, end, hop, R: tl.constexpr, BT: tl.constexpr, GROUP: tl.constexpr):
    """(BT, R) conditioning of a tile in float32, one row for GROUP samples."""
    t = first + GROUP * tl.arange(0, BT // GROUP)
    at = (t // hop)[:, None] * (2 * R) + tl.arange(0, R)[None, :]
    rows = tl.load(cond + at, mask=(t < end)[:, None], other=0.0).to(tl.float32)
    return tl.reshape(tl.broadcast_to(rows[:, None, :], (BT // GROUP, GROUP, R)), (BT, R))


@triton.jit(do_not_specialize=["T", "hop", "d", "tiles", "work", "rounds"])
def _forward(
    x_p, y_p, h_p, stride, taps, res, cond, T, hop, d, tiles, work, rounds,
    R: tl.constexpr, BT: tl.constexpr, DT: tl.constexpr, GROUP: tl.constexpr, FAST: tl.constexpr,
):  # fmt: skip
    """(B, T, R) x to y, and h with rows ``stride`` apart; ``work`` tiles, ``tiles`` of a window."""
    i, r = tl.arange(0, BT)[:, None], tl.arange(0, R)[None, :]
    w = tl.arange(0, R)[:, None] * (2 * R) + r
    past1, past2 = tl.load(taps + w), tl.load(taps + w + R)
    now1, now2 = tl.load(taps + 2 * R * R + w), tl.load(taps + 2 * R * R + w + R)
    out = tl.load(res + tl.arange(0, R)[:, None] * R + r)
    for n in tl.range(rounds, num_stages=2):  # which has the next tile read meanwhile
        k = tl.program_id(0) + n * tl.num_programs(0)
        b, first = (k // tiles).to(tl.int64), (k % tiles) * BT
        end = tl.where(k < work, T, 0)
        t, row = first + i, b * T + first  # of all rows: there may be more numbers than 2³¹
        x = tl.load(x_p + row * R + (i * R + r), mask=t < end, other=0.0)
        seen = (t < end) & (t >= d)
        past = tl.load(x_p + (row - d) * R + (i * R + r), mask=seen, other=0.0)
        frames = cond + b * (T // hop) * (2 * R)
        z = _known(frames, first, end, hop, R, BT, GROUP)
        a = 2 * _sigmoid(2 * tl.dot(x, now1, tl.dot(past, past1, z)), FAST) - 1
        z = _known(frames + R, first, end, hop, R, BT, GROUP)
        s = _sigmoid(tl.dot(x, now2, tl.dot(past, past2, z)), FAST)
        h = (a * s).to(DT)
        y = tl.dot(h, out, x.to(tl.float32))
        tl.store(h_p + row * stride + (i * stride + r), h, mask=t < end)
        tl.store(y_p + row * R + (i * R + r), y.to(DT), mask=t < end)


@triton.jit(do_not_specialize=["T", "hop", "d", "tiles", "work", "rounds"])
def _backward(
    x_p, gy_p, gh_p, stride, gx_p, gz_p, sums, taps, res, cond, T, hop, d, tiles, work, rounds,
    R: tl.constexpr, BT: tl.constexpr, DT: tl.constexpr, GROUP: tl.constexpr, FAST: tl.constexpr,
):  # fmt: skip
    """Gradients of z, and of x but for what its later taps do; a program's sums of those of the
    weights are (2, R, 2R) of the taps and then (R, R) of the residual."""
    i, r = tl.arange(0, BT)[:, None], tl.arange(0, R)[None, :]
    w = tl.arange(0, R)[:, None] * (2 * R) + r
    square = tl.arange(0, R)[:, None] * R + r
    past1, past2 = tl.load(taps + w), tl.load(taps + w + R)
    now1, now2 = tl.load(taps + 2 * R * R + w), tl.load(taps + 2 * R * R + w + R)
    out = tl.load(res + square)
    grad_past1 = tl.zeros((R, R), tl.float32)
    grad_past2 = tl.zeros((R, R), tl.float32)
    grad_now1 = tl.zeros((R, R), tl.float32)
    grad_now2 = tl.zeros((R, R), tl.float32)
    grad_out = tl.zeros((R, R), tl.float32)
    for n in tl.range(rounds, num_stages=2):
        k = tl.program_id(0) + n * tl.num_programs(0)
        b, first = (k // tiles).to(tl.int64), (k % tiles) * BT
        end = tl.where(k < work, T, 0)
        t, row = first + i, b * T + first
        x = tl.load(x_p + row * R + (i * R + r), mask=t < end, other=0.0)
        seen = (t < end) & (t >= d)
        past = tl.load(x_p + (row - d) * R + (i * R + r), mask=seen, other=0.0)
        gy = tl.load(gy_p + row * R + (i * R + r), mask=t < end, other=0.0)
        gh = tl.load(gh_p + row * stride + (i * stride + r), mask=t < end, other=0.0)
        gh = tl.dot(gy, tl.trans(out), gh.to(tl.float32))
        frames = cond + b * (T // hop) * (2 * R)
        z = _known(frames, first, end, hop, R, BT, GROUP)
        a = 2 * _sigmoid(2 * tl.dot(x, now1, tl.dot(past, past1, z)), FAST) - 1
        z = _known(frames + R, first, end, hop, R, BT, GROUP)
        s = _sigmoid(tl.dot(x, now2, tl.dot(past, past2, z)), FAST)
        h = a * s
        grad_out = tl.dot(tl.trans(h.to(DT)), gy, grad_out)
        g1 = ((s - h * a) * gh).to(DT)  # s (1 - a²)
        g2 = ((h - h * s) * gh).to(DT)  # a s (1 - s)
        grad_now1 = tl.dot(tl.trans(x), g1, grad_now1)
        grad_past1 = tl.dot(tl.trans(past), g1, grad_past1)
        grad_now2 = tl.dot(tl.trans(x), g2, grad_now2)
        grad_past2 = tl.dot(tl.trans(past), g2, grad_past2)
        gx = tl.dot(g1, tl.trans(now1), gy.to(tl.float32))
        gx = tl.dot(g2, tl.trans(now2), gx)
        tl.store(gx_p + row * R + (i * R + r), gx.to(DT), mask=t < end)
        tl.store(gz_p + row * (2 * R) + (i * (2 * R) + r), g1, mask=t < end)
        tl.store(gz_p + row * (2 * R) + R + (i * (2 * R) + r), g2, mask=t < end)
    mine = sums + tl.program_id(0) * 5 * R * R
    tl.store(mine + w, grad_past1)
    tl.store(mine + w + R, grad_past2)
    tl.store(mine + 2 * R * R + w, grad_now1)
    tl.store(mine + 2 * R * R + w + R, grad_now2)
    tl.store(mine + 4 * R * R + square, grad_out)


def fits(x: Tensor, taps: int, conds: int) -> bool:
    """Whether `FusedBlock` computes such a block.

    Args:
        x: its input; in float32 the plain block is more exact.
        taps: its number of taps.
        conds: number of its conditioning tensors.
    """
    narrow = x.dtype in (torch.bfloat16, torch.float16) and (x.is_cuda or INTERPRETED)
    return narrow and x.shape[2] in CHANNELS and (taps, conds) == (2, 1)


class FusedBlock(torch.autograd.Function):
    """As `wavegen.model.layers.PlainBlock`, for two taps and one conditioning tensor."""

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
        x, cond = x.contiguous(), cond.contiguous()
        taps, w_res = (w.to(x.dtype).contiguous() for w in (taps, w_res))
        y = torch.empty_like(x)
        h = gates[..., number * x.shape[2] :]
        grid = _Grid("forward", x, cond)
        grid.launch(_forward, x, y, h, gates.shape[-1], taps, w_res, cond, dilation=dilation)
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
        gh = grad_gates[..., ctx.number * channels :]
        grid = _Grid("backward", x, cond)
        sums = torch.empty(grid.programs, taps.numel() + w_res.numel(), device=x.device)
        grid.launch(
            _backward, x, grad_y, gh, grad_gates.shape[-1], gx, gz, sums, taps, w_res, cond,
            dilation=ctx.dilation,
        )  # fmt: skip
        grad_taps, grad_res = sums.sum(0).split([taps.numel(), w_res.numel()])
        if ctx.dilation < time:
            later = taps[0].t().expand(batch, -1, -1)
            gx[:, : time - ctx.dilation].baddbmm_(gz[:, ctx.dilation :], later)
        grad_cond = gz.view(batch, cond.shape[1], -1, 2 * channels).sum(2)
        weights = grad_taps.view_as(taps), grad_res.view_as(w_res)
        return gx, grad_gates, None, *weights, None, grad_cond


class _Grid:
    """Programs that take the tiles of (B, T, R) ``x`` in turn, conditioned on (B, F, 2R)."""

    def __init__(self, kernel: str, x: Tensor, cond: Tensor) -> None:
        batch, self.time, self.channels = x.shape
        self.device, self.type = x.device, TYPES[x.dtype]
        hopper, multiprocessors = _gpu(x.device) if x.is_cuda else (True, 2)
        self.shape = shape(kernel, self.channels, hopper)
        self.tiles = triton.cdiv(self.time, self.shape.tile)
        self.work = self.tiles * batch
        self.programs = min(self.work, multiprocessors * self.shape.programs)
        self.hop = self.time // cond.shape[1]
        self.group = 16 if cond.shape[1] == 1 or self.hop % 16 == 0 else 1

    def launch(self, kernel: Any, *tensors: Tensor | int, dilation: int) -> None:
        rounds: Any = triton.cdiv(self.work, self.programs)
        if INTERPRETED:
            rounds = tl.constexpr(rounds)  # which it needs of a loop's bound
        with torch.cuda.device_of(tensors[0]):  # Triton launches on the current device
            kernel[(self.programs,)](
                *tensors, self.time, self.hop, dilation, self.tiles, self.work, rounds,
                R=self.channels, BT=self.shape.tile, DT=self.type, GROUP=self.group,
                FAST=not INTERPRETED, num_warps=self.shape.warps,
            )  # fmt: skip


@functools.cache
def _gpu(device: torch.device) -> tuple[bool, int]:
    """Whether a GPU is a Hopper, and its number of multiprocessors."""
    found = torch.cuda.get_device_properties(device)
    return found.major == 9, found.multi_processor_count
