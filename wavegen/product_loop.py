"""The compiled loops of `wavegen.products`."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils

from wavegen.compiling import compile_inner
from wavegen.products import STRIP, Floats
from wavegen.vectors import F32, I64, Array, fma, intrinsic, number, splat, vector

ROWS = 8
"""Rows of the input that share a load of them."""


@compile_inner
def run(
    x: Floats,
    rows: int,
    inputs: int,
    taps: Floats,
    outputs: int,
    size: int,
    dilation: int,
    bias: Floats,
    gathered: Floats,
    y: Floats,
) -> int:
    """`products.convolve`; ``gathered`` has room for the ``size · inputs · STRIP`` weights of a
    strip."""
    for first in range(0, outputs, STRIP):
        count = min(STRIP, outputs - first)
        for i in range(inputs):
            for k in range(size):
                to, at = (k * inputs + i) * count, (first * inputs + i) * size + k
                for o in range(count):
                    gathered[to + o] = taps[at + o * inputs * size]
        for row in range(rows):
            for o in range(first, first + count):
                y[row * outputs + o] = bias[o]
        for k in range(size):
            ahead = k * dilation - (size - 1) * dilation // 2
            begin, end = max(-ahead, 0), rows - max(ahead, 0)
            add_product(
                x, (begin + ahead) * inputs, inputs, gathered, k * inputs * count,
                y, begin * outputs + first, outputs, count, max(end - begin, 0),
            )  # fmt: skip
    return rows


@intrinsic
def add_product(  # type: ignore[no-untyped-def]
    _, x, x_at, inputs, w, w_at, y, y_at, y_step, outputs, rows
):
    """``y[r] += x[r] @ w`` for r < ``rows``; w is (``inputs``, ``outputs``).

    Every output is one chain of fused multiply-adds in ascending order of its inputs.
    """
    i = types.intp
    signature = types.void(x, i, i, w, i, y, i, i, i, i)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        arrays = signature.args
        inputs, y_step, outputs, rows = args[2], args[7], args[8], args[9]
        x = Array(context, b, arrays[0], args[0], args[1])
        w = Array(context, b, arrays[3], args[3], args[4])
        y = Array(context, b, arrays[5], args[5], args[6])
        wide = "+avx512f" in context.codegen().magic_tuple()[2].split(",")
        row = number(0)
        for height in (ROWS, 1):
            with cgutils.for_range(b, b.sdiv(b.sub(rows, row), number(height)), intp=I64) as strip:
                here = b.add(row, b.mul(strip.index, number(height)))
                column = number(0)
                for width in (32, 16, 1) if wide else (8, 1):
                    left = b.sdiv(b.sub(outputs, column), number(width))
                    with cgutils.for_range(b, left, intp=I64) as tile:
                        at = b.add(column, b.mul(tile.index, number(width)))
                        _add_tile(
                            b, height, width, x.part(b.mul(here, inputs)), inputs, w.part(at),
                            outputs, y.part(b.add(b.mul(here, y_step), at)), y_step,
                        )  # fmt: skip
                    column = b.add(column, b.mul(left, number(width)))
            row = b.mul(b.sdiv(rows, number(ROWS)), number(ROWS))
        return context.get_dummy_value()

    return signature, codegen


def _add_tile(
    b: Any,
    height: int,
    width: int,
    x: Array,
    inputs: Any,
    w: Array,
    w_step: Any,
    y: Array,
    y_step: Any,
) -> None:
    """`add_product` for rows and columns whose sums fit the registers."""
    places = [b.mul(y_step, number(row)) for row in range(height)]
    starts = [b.mul(inputs, number(row)) for row in range(height)]
    sums = [cgutils.alloca_once(b, vector(width)) for _ in range(height)]
    for place, total in zip(places, sums, strict=True):
        b.store(y.load(place, vector(width)), total)
    with cgutils.for_range(b, inputs, intp=I64) as loop:
        weights = w.load(b.mul(loop.index, w_step), vector(width))
        for start, total in zip(starts, sums, strict=True):
            value = splat(b, x.load(b.add(start, loop.index), F32), width)
            b.store(fma(b, weights, value, b.load(total)), total)
    for place, total in zip(places, sums, strict=True):
        y.store(b.load(total), place)
