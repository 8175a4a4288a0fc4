"""The element-wise functions of the `numba` engine, written in LLVM vectors, since LLVM's own
vectoriser keeps none of these loops in registers."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils

from wavegen.generation.numba.layout import PANEL
from wavegen.vectors import (
    I64,
    WIDTH,
    Array,
    clamp,
    constant,
    exp,
    intrinsic,
    number,
    splat,
    vector,
)


@intrinsic
def gate(_, z, z_at, cond, c_at, h, h_at, channels):  # type: ignore[no-untyped-def]
    """``h = tanh(z₁ + c₁) · σ(z₂ + c₂)``; z and c hold 2 × ``channels``, a multiple of `WIDTH`.

    Both functions come from one division: with E = e^(2a) and S = e^(-b), tanh(a) σ(b) is
    (E - 1) / ((E + 1)(1 + S)). E - 1 is 0 or at least 2^-24 in size and S is bounded, so that no
    gate is ever a denormal number.
    """
    n = types.intp
    signature = types.void(z, n, cond, n, h, n, n)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        arrays, channels = signature.args, args[6]
        inputs = Array(context, b, arrays[0], args[0], args[1])
        added = Array(context, b, arrays[2], args[2], args[3])
        gates = Array(context, b, arrays[4], args[4], args[5])
        one, width = constant(1.0, WIDTH), number(WIDTH)
        with cgutils.for_range(b, b.sdiv(channels, width), intp=I64) as loop:
            i = b.mul(loop.index, width)
            half = b.add(i, channels)
            a, s = (
                b.fadd(inputs.load(j, vector(WIDTH)), added.load(j, vector(WIDTH)))
                for j in (i, half)
            )
            a = clamp(b, b.fadd(a, a), -20.0, 20.0)
            s = clamp(b, s, -30.0, 30.0)
            e = exp(b, a)
            divisor = b.fmul(b.fadd(e, one), b.fadd(exp(b, b.fneg(s)), one))
            gates.store(b.fdiv(b.fsub(e, one), divisor), i)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def exponentials(_, x, x_at, top, factor, y, y_at, count):  # type: ignore[no-untyped-def]
    """``y = exp((x - top) · factor)``, no smaller than e^-87; ``count`` a multiple of `WIDTH`."""
    n, f = types.intp, types.float32
    signature = types.void(x, n, f, f, y, n, n)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        arrays = signature.args
        inputs = Array(context, b, arrays[0], args[0], args[1])
        outputs = Array(context, b, arrays[4], args[4], args[5])
        top, factor = (splat(b, v, WIDTH) for v in (args[2], args[3]))
        width = number(WIDTH)
        with cgutils.for_range(b, b.sdiv(args[6], width), intp=I64) as loop:
            i = b.mul(loop.index, width)
            x = b.fmul(b.fsub(inputs.load(i, vector(WIDTH)), top), factor)
            outputs.store(exp(b, clamp(b, x, -87.0, 88.0)), i)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def rectify(_, x, count):  # type: ignore[no-untyped-def]
    """``x = max(x, 0)``; ``count`` a multiple of `WIDTH`."""
    signature = types.void(x, types.intp)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        values = Array(context, b, signature.args[0], args[0], number(0))
        width, zero = number(WIDTH), constant(0.0, WIDTH)
        with cgutils.for_range(b, b.sdiv(args[1], width), intp=I64) as loop:
            at = b.mul(loop.index, width)
            x = values.load(at, vector(WIDTH))
            values.store(b.select(b.fcmp_ordered(">", x, zero), x, zero), at)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def total(_, x, count, y):  # type: ignore[no-untyped-def]
    """``y[j] = Σ x[j + i · PANEL]`` over the first ``count`` elements: nothing but reading."""
    signature = types.void(x, types.intp, y)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        arrays, zero = signature.args, number(0)
        inputs = Array(context, b, arrays[0], args[0], zero)
        outputs = Array(context, b, arrays[2], args[2], zero)
        wide = vector(PANEL)
        sums = cgutils.alloca_once_value(b, constant(0.0, PANEL))
        with cgutils.for_range(b, b.sdiv(args[1], number(PANEL)), intp=I64) as loop:
            at = b.mul(loop.index, number(PANEL))
            b.store(b.fadd(b.load(sums), inputs.load(at, wide)), sums)
        outputs.store(b.load(sums), 0)
        return context.get_dummy_value()

    return signature, codegen
