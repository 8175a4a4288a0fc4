"""The compiled loops of `wavegen.model.tiles`: gates and their gradients, row by row.

Arrays are float32, or uint16 for the bits of bfloat16, which are widened, and rounded to even.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.typing import NDArray

from wavegen.compiling import compile_inner
from wavegen.vectors import I32, I64, WIDTH, Array, clamp, constant, exp, intrinsic, number, vector

Numbers = NDArray[np.float32] | NDArray[np.uint16]

_BITS = vector(WIDTH, ir.IntType(16))


def _load(b: Any, kind: Any, array: Array, at: Any) -> Any:
    if kind.dtype == types.float32:
        return array.load(at, vector(WIDTH))
    bits = b.zext(array.load(at, _BITS), vector(WIDTH, I32))
    return b.bitcast(b.shl(bits, constant(16, WIDTH, I32)), vector(WIDTH))


def _store(b: Any, kind: Any, value: Any, array: Array, at: Any) -> None:
    if kind.dtype == types.uint16:
        half, one = constant(16, WIDTH, I32), constant(1, WIDTH, I32)
        bits = b.bitcast(value, vector(WIDTH, I32))
        odd = b.and_(b.lshr(bits, half), one)
        rounded = b.add(b.add(bits, odd), constant(0x7FFF, WIDTH, I32))
        value = b.trunc(b.lshr(rounded, half), _BITS)
    array.store(value, at)


@intrinsic
def _gate(_, z, z_at, cond, c_at, h, h_at, channels):  # type: ignore[no-untyped-def]
    """``a = tanh(z₁ + c₁)`` and ``s = σ(z₂ + c₂)`` in the place of z, and ``h = a · s``."""
    n = types.intp
    signature = types.void(z, n, cond, n, h, n, n)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        kinds, channels = signature.args, args[6]
        inputs, added, gates = (
            Array(context, b, kinds[k], args[k], args[k + 1]) for k in (0, 2, 4)
        )
        one, width = constant(1.0, WIDTH), number(WIDTH)
        with cgutils.for_range(b, b.sdiv(channels, width), intp=I64) as loop:
            i = b.mul(loop.index, width)
            half = b.add(i, channels)
            a, s = (
                b.fadd(_load(b, kinds[0], inputs, j), _load(b, kinds[2], added, j))
                for j in (i, half)
            )
            e = exp(b, clamp(b, b.fadd(a, a), -20.0, 20.0))
            a = b.fdiv(b.fsub(e, one), b.fadd(e, one))
            s = b.fdiv(one, b.fadd(exp(b, b.fneg(clamp(b, s, -30.0, 30.0))), one))
            _store(b, kinds[0], a, inputs, i)
            _store(b, kinds[0], s, inputs, half)
            _store(b, kinds[4], b.fmul(a, s), gates, i)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _gradient(  # type: ignore[no-untyped-def]
    _, gates, a_at, grad_h, g_at, h, h_at, grad_z, z_at, grad_cond, c_at, channels
):
    """``h = a · s``, its gradient's that of z, and this added to that of the conditioning."""
    n = types.intp
    signature = types.void(gates, n, grad_h, n, h, n, grad_z, n, grad_cond, n, n)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        kinds, channels = signature.args, args[10]
        known, given, product, out, total = (
            Array(context, b, kinds[k], args[k], args[k + 1]) for k in (0, 2, 4, 6, 8)
        )
        width, floats = number(WIDTH), vector(WIDTH)
        with cgutils.for_range(b, b.sdiv(channels, width), intp=I64) as loop:
            i = b.mul(loop.index, width)
            half = b.add(i, channels)
            a, s = (_load(b, kinds[0], known, j) for j in (i, half))
            grad, h = _load(b, kinds[2], given, i), b.fmul(a, s)
            _store(b, kinds[4], h, product, i)
            inner = b.fsub(s, b.fmul(h, a)), b.fsub(h, b.fmul(h, s))  # s (1 - a²), a s (1 - s)
            for j, derivative in zip((i, half), inner, strict=True):
                value = b.fmul(grad, derivative)
                _store(b, kinds[6], value, out, j)
                total.store(b.fadd(total.load(j, floats), value), j)
        return context.get_dummy_value()

    return signature, codegen


@compile_inner
def forward(
    z: Numbers,
    cond: Numbers,
    gates: Numbers,
    channels: int,
    stride: int,
    column: int,
    start: int,
    hop: int,
    begin: int,
    end: int,
) -> int:
    """Rows ``begin`` to ``end`` of a tile that is flat and begins with sample ``start``.

    Args:
        z: rows of 2 × ``channels``, a multiple of `WIDTH`; overwritten by tanh and sigmoid.
        cond: rows likewise, each for ``hop`` samples.
        gates: rows of ``stride``; ``channels`` from ``column`` are written.
    """
    for i in range(begin, end):
        frame = (start + i) // hop
        at = i * 2 * channels
        _gate(z, at, cond, frame * 2 * channels, gates, i * stride + column, channels)
    return end


@compile_inner
def backward(
    gates: Numbers,
    grad_h: Numbers,
    h: Numbers,
    grad_z: Numbers,
    grad_cond: NDArray[np.float32],
    channels: int,
    start: int,
    hop: int,
    begin: int,
    end: int,
) -> int:
    """Gradients of rows ``begin`` to ``end``, as in `forward`.

    Args:
        gates: what `forward` has made of z.
        grad_h: rows of ``channels``.
        h: likewise, written.
        grad_z: rows of 2 × ``channels``, written.
        grad_cond: likewise, one for ``hop`` samples, added to.
    """
    for i in range(begin, end):
        frame, one, two = (start + i) // hop, i * channels, i * 2 * channels
        _gradient(
            gates, two, grad_h, one, h, one, grad_z, two,
            grad_cond, frame * 2 * channels, channels,
        )  # fmt: skip
    return end
