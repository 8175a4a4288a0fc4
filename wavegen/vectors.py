"""LLVM vectors for compiled functions, split into what the CPU has (AVX-512, AVX2, NEON, …)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils

WIDTH = 16
"""Vector of the element-wise functions."""

intrinsic: Callable[[Callable[..., Any]], Callable[..., Any]] = extending.intrinsic
"""numba's, with a type."""

F32, I8, I32, I64 = ir.FloatType(), ir.IntType(8), ir.IntType(32), ir.IntType(64)


def vector(width: int, of: ir.Type = F32) -> ir.VectorType:
    return ir.VectorType(of, width)


def number(value: int) -> ir.Constant:
    return ir.Constant(I64, value)


def constant(value: float, width: int, of: ir.Type = F32) -> ir.Constant:
    return ir.Constant(vector(width, of), [value] * width)


def function(builder: Any, name: str, result: ir.Type, arguments: int) -> ir.Function:
    element = "f32" if result.element == F32 else "i32"
    return cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(result, [result] * arguments),
        f"llvm.{name}.v{result.count}{element}",
    )


def fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    return builder.call(function(builder, "fma", a.type, 3), [a, b, c])


def clamp(builder: Any, x: Any, low: float, high: float) -> Any:
    width = x.type.count
    x = builder.call(function(builder, "maxnum", x.type, 2), [x, constant(low, width)])
    return builder.call(function(builder, "minnum", x.type, 2), [x, constant(high, width)])


def splat(builder: Any, value: Any, width: int) -> Any:
    empty = ir.Constant(vector(width, value.type), ir.Undefined)
    one = builder.insert_element(empty, value, ir.Constant(I32, 0))
    return builder.shuffle_vector(one, empty, constant(0, width, I32))


class Array:
    """A 1-d array argument of an intrinsic, addressed from an element on."""

    def __init__(self, context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> None:
        self.builder = builder
        self.start = builder.gep(context.make_array(array_type)(context, builder, array).data, [at])

    def part(self, at: Any) -> Array:
        """The same array from a further element on."""
        part = copy.copy(self)
        part.start = self.builder.gep(self.start, [at])
        return part

    def pointer(self, index: Any, of: ir.Type) -> Any:
        if isinstance(index, int):
            index = number(index)
        return self.builder.bitcast(self.builder.gep(self.start, [index]), of.as_pointer())

    def load(self, index: Any, of: ir.Type) -> Any:
        return self.builder.load(self.pointer(index, of), align=1)

    def store(self, value: Any, index: Any) -> None:
        self.builder.store(value, self.pointer(index, value.type), align=1)


def exp(b: Any, x: Any) -> Any:
    """e^x for x in [-87, 88]: 2^n · e^r with |r| ≤ ln(2)/2 and e^r by Taylor's series.

    Adding 1.5 · 2^23 rounds to the nearest integer n and leaves n in the low bits, from where it
    is shifted into the exponent.
    """
    width = x.type.count
    magic = constant(1.5 * 2**23, width)
    shifted = fma(b, x, constant(1 / math.log(2), width), magic)
    n = b.fsub(shifted, magic)
    # ln 2 in two parts, of which the first times n is exact.
    r = fma(b, n, constant(-0.693359375, width), x)
    r = fma(b, n, constant(0.693359375 - math.log(2), width), r)
    p = constant(1 / 720, width)
    for k in (120, 24, 6, 2, 1, 1):
        p = fma(b, p, r, constant(1 / k, width))
    integers = vector(width, I32)
    power = b.shl(b.bitcast(shifted, integers), constant(23, width, I32))
    return b.bitcast(b.add(b.bitcast(p, integers), power), x.type)
