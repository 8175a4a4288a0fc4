"""The gated residual block on a CPU, tile by tile.

A window of a second takes megabytes in every layer, and a CPU reads them from memory more slowly
than it computes. Here each step of a block is taken for as many samples as stay in the cache, and
the gates are computed by compiled loops, which round only what they store. Products are torch's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from wavegen.compiled import Compiled

TILE = 4096
"""Samples for each thread; of 64 channels in bf16, z takes a megabyte."""
MULTIPLE = 16
"""Of which the channels must be, the width of the loops' vectors."""

_forward = Compiled("wavegen.model.gates", "forward", "the gates of training")
_backward = Compiled("wavegen.model.gates", "backward", "the gates' gradients")


def fits(x: Tensor, conds: int) -> bool:
    """Whether `TiledBlock` takes (B, T, R) inputs with so many conditioning tensors."""
    known = x.dtype in (torch.bfloat16, torch.float32)
    return x.device.type == "cpu" and known and x.shape[2] % MULTIPLE == 0 and conds == 1


class TiledBlock(torch.autograd.Function):
    """As `wavegen.model.layers.PlainBlock`, for one conditioning tensor."""

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
        hop, stride, column = time // cond.shape[1], gates.shape[2], number * channels
        taps, w_res, cond = taps.to(x.dtype), w_res.to(x.dtype), cond.contiguous()
        z, y = x.new_empty(batch, time, 2 * channels), torch.empty_like(x)
        for b, begin, end in _tiles(batch, time):
            tile, here = z[b, begin:end], x[b, begin:end]
            torch.mm(here, taps[-1], out=tile)
            for k, past, late in _past(taps, dilation, begin, end):
                tile[late:].addmm_(x[b, past], taps[k])
            rows = gates.detach()[b, begin:end]
            arrays = _flat(tile), _flat(cond[b]), _flat(rows)
            sizes = channels, stride, column, begin, hop
            _each(end - begin, lambda i, first, last: _forward(*arrays, *sizes, first, last))  # noqa: B023
            torch.addmm(here, rows[:, column : column + channels], w_res, out=y[b, begin:end])
        ctx.mark_dirty(gates)
        ctx.save_for_backward(x, taps, w_res, z)
        ctx.number, ctx.dilation, ctx.frames = number, dilation, cond.shape[1]
        return y, gates

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor, grad_gates: Tensor) -> tuple[Tensor | None, ...]:
        x, taps, w_res, z = ctx.saved_tensors
        batch, time, channels = x.shape
        hop, column = time // ctx.frames, ctx.number * channels
        inverse, w_inverse = taps.transpose(1, 2).contiguous(), w_res.t().contiguous()
        grad_x = torch.empty_like(x)
        # Sums over tiles in float32.
        grad_taps, grad_w_res = torch.zeros(taps.shape), torch.zeros(w_res.shape)
        grad_cond = torch.zeros(batch, torch.get_num_threads(), ctx.frames, 2 * channels)
        for b, begin, end in _tiles(batch, time):
            here, tile, size = x[b, begin:end], z[b, begin:end], end - begin
            gy = grad_y[b, begin:end]
            given = grad_gates[b, begin:end, column : column + channels]
            gh, h = torch.addmm(given, gy, w_inverse), x.new_empty(size, channels)
            gz = torch.empty_like(tile)
            arrays = _flat(tile), _flat(gh), _flat(h), _flat(gz)
            sums, sizes = [_flat(g) for g in grad_cond[b]], (channels, begin, hop)
            _each(size, lambda i, first, last: _backward(*arrays, sums[i], *sizes, first, last))  # noqa: B023
            grad_w_res += h.t() @ gy
            grad_taps[-1] += here.t() @ gz
            torch.addmm(gy, gz, inverse[-1], out=grad_x[b, begin:end])
            for k, past, late in _past(taps, ctx.dilation, begin, end):
                grad_x[b, past].addmm_(gz[late:], inverse[k])
                grad_taps[k] += x[b, past].t() @ gz[late:]
        return grad_x, grad_gates, None, grad_taps, grad_w_res, None, grad_cond.sum(1).to(x.dtype)


def _tiles(batch: int, time: int) -> list[tuple[int, int, int]]:
    """(window, begin, end) of all tiles."""
    size = TILE * torch.get_num_threads()
    return [(b, t, min(t + size, time)) for b in range(batch) for t in range(0, time, size)]


def _past(taps: Tensor, dilation: int, begin: int, end: int) -> list[tuple[int, slice, int]]:
    """Of each tap that looks back from a tile: its number, the samples that it sees, and the first
    row of the tile that sees one."""
    out = []
    for k in range(len(taps) - 1):
        shift = (len(taps) - 1 - k) * dilation
        first = max(begin, shift)
        if first < end:
            out.append((k, slice(first - shift, end - shift), first - begin))
    return out


def _flat(tensor: Tensor) -> NDArray[Any]:
    """The numbers of a contiguous tensor, which are shared; of bfloat16, the bits."""
    flat = tensor.view(-1)  # raises where it would have to copy
    array: NDArray[Any] = (
        flat.view(torch.uint16) if flat.dtype == torch.bfloat16 else flat
    ).numpy()
    return array


def _each(rows: int, function: Callable[[int, int, int], int]) -> None:
    """Call a function with (i, first, last) for a part of the rows in each of torch's threads."""
    threads = torch.get_num_threads()
    parts = [(i, rows * i // threads, rows * (i + 1) // threads) for i in range(threads)]
    if threads == 1:
        function(*parts[0])
    else:
        list(_pool(threads).map(lambda part: function(*part), parts))


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)
