"""The compiled loops of `wavegen.model.numpy.flow`."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.typing import NDArray

from wavegen.compiling import compile_inner
from wavegen.product_loop import run as convolve
from wavegen.products import Floats
from wavegen.vectors import (
    I32,
    I64,
    WIDTH,
    Array,
    clamp,
    constant,
    exp,
    fma,
    intrinsic,
    number,
    splat,
    vector,
)

EPSILON = np.float32(1e-5)
"""Added to variances, as in torch."""


@compile_inner
def run(
    x: Floats,
    rows: int,
    inputs: int,
    width: int,
    channels: int,
    first: Floats,
    first_bias: Floats,
    conv: Floats,
    conv_bias: Floats,
    out: Floats,
    out_bias: Floats,
    last: Floats,
    last_bias: Floats,
    dilations: NDArray[np.int64],
    modulation: Floats,
    ones: Floats,
    gathered: Floats,
    y: Floats,
    z: Floats,
    h: Floats,
    velocity: Floats,
) -> int:
    """`flow.Velocity.__call__`: (rows, inputs) to (rows, channels), through blocks of ``width``.

    Weights of the blocks lie in the rows of ``conv`` and ``out``; ``modulation`` has a scale and a
    shift for each. y, z and h are scratch space of rows · width, and `WIDTH` for the last vector;
    ``ones`` are as many as the width; ``gathered`` is as for `product_loop.run`.
    """
    count, square = rows * width, width * width
    convolve(x, rows, inputs, first, width, 1, 1, first_bias, gathered, y)
    for n in range(len(dilations)):
        modulate(y, rows, width, modulation[n], ones, z)
        taps, dilation = conv.shape[1] // square, dilations[n]
        convolve(z, rows, width, conv[n], width, taps, dilation, conv_bias[n], gathered, h)
        silu(h, count)
        convolve(h, rows, width, out[n], width, 1, 1, out_bias[n], gathered, z)
        for i in range(count):
            y[i] += z[i]
    silu(y, count)
    return convolve(y, rows, width, last, channels, 1, 1, last_bias, gathered, velocity)


@compile_inner
def modulate(y: Floats, rows: int, width: int, modulation: Floats, ones: Floats, z: Floats) -> None:
    """Layer norm of each row of y, times a scale and one, plus a shift."""
    one, size = np.float32(1), np.float32(width)
    for row in range(rows):
        at = row * width
        mean = dot(y, at, ones, 0, width) / size
        for i in range(at, at + width):
            z[i] = y[i] - mean
        factor = one / np.sqrt(dot(z, at, z, at, width) / size + EPSILON)
        for i in range(width):
            z[at + i] = z[at + i] * factor * (one + modulation[i]) + modulation[width + i]


@intrinsic
def dot(_, x, x_at, y, y_at, count):  # type: ignore[no-untyped-def]
    """``Σ x · y``, in a fixed order."""
    n = types.intp
    signature = types.float32(x, n, y, n, n)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        arrays = signature.args
        x = Array(context, b, arrays[0], args[0], args[1])
        y = Array(context, b, arrays[2], args[2], args[3])
        sums = cgutils.alloca_once_value(b, constant(0.0, WIDTH))
        whole = b.mul(b.sdiv(args[4], number(WIDTH)), number(WIDTH))
        with cgutils.for_range_slice(b, number(0), whole, number(WIDTH), intp=I64) as (i, _):
            v = vector(WIDTH)
            b.store(fma(b, x.load(i, v), y.load(i, v), b.load(sums)), sums)
        lanes = b.load(sums)
        total = cgutils.alloca_once_value(b, constant(0.0, 1))
        for lane in range(WIDTH):
            value = splat(b, b.extract_element(lanes, ir.Constant(I32, lane)), 1)
            b.store(b.fadd(b.load(total), value), total)
        with cgutils.for_range_slice(b, whole, args[4], number(1), intp=I64) as (i, _):
            v = vector(1)
            b.store(fma(b, x.load(i, v), y.load(i, v), b.load(total)), total)
        return b.extract_element(b.load(total), ir.Constant(I32, 0))

    return signature, codegen


@intrinsic
def silu(_, x, count):  # type: ignore[no-untyped-def]
    """``x = x σ(x)``, and of what follows up to a multiple of `WIDTH`."""
    signature = types.void(x, types.intp)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        x = Array(context, b, signature.args[0], args[0], number(0))
        one = constant(1.0, WIDTH)
        with cgutils.for_range_slice(b, number(0), args[1], number(WIDTH), intp=I64) as (i, _):
            value = x.load(i, vector(WIDTH))
            inverse = exp(b, clamp(b, b.fneg(value), -87.0, 87.0))
            x.store(b.fdiv(value, b.fadd(one, inverse)), i)
        return context.get_dummy_value()

    return signature, codegen
