"""The arithmetic of the `numba` engine, written in LLVM vectors.

LLVM's own vectoriser keeps none of these loops in registers, so each is built here with
`numba.extending.intrinsic`: one vector per utterance, as wide as the tile, which LLVM splits into
what the CPU has (AVX-512, AVX2, NEON, …). Every output is one chain of fused multiply-adds in
ascending order of its inputs, whatever the tile, so that the result depends neither on the CPU's
vector width nor on how many utterances share a load of the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from wavegen.generation.numba.layout import HALF, PANEL, ROWS
from wavegen.vectors import F32, I32, I64, WIDTH
from wavegen.vectors import Array as _Array
from wavegen.vectors import clamp as _clamp
from wavegen.vectors import constant as _constant
from wavegen.vectors import exp as _exp
from wavegen.vectors import fma as _fma
from wavegen.vectors import number as _number
from wavegen.vectors import splat as _splat
from wavegen.vectors import vector as _vector

_intrinsic: Callable[[Callable[..., Any]], Callable[..., None]] = intrinsic


def _accumulators(context: Any) -> int:
    """Floats that fit the vector registers as sums, with room for weights beside them."""
    features = context.codegen().magic_tuple()[2]
    return 256 if "+avx512f" in features.split(",") else 64


def _widen(b: Any, array_type: Any, weights: _Array, at: Any, width: int) -> list[Any]:
    """Weights of one packed element each, as float vectors, one per input row."""
    if array_type.dtype == types.float32:
        return [weights.load(at, _vector(width))]
    if array_type.dtype == types.int8:
        narrow = weights.load(at, _vector(width, ir.IntType(8)))
        return [b.sitofp(b.sext(narrow, _vector(width, I32)), _vector(width))]
    pair = weights.load(at, _vector(width, I32))  # two bf16: the upper halves of two floats
    low = b.shl(pair, _constant(16, width, I32))
    high = b.and_(pair, _constant(-65536, width, I32))
    return [b.bitcast(half, _vector(width)) for half in (low, high)]


@_intrinsic
def multiply(  # type: ignore[no-untyped-def]
    _, w, w_at, scales, s_at, x, x_at, x_step, k, y, y_at, y_step, n, lanes, overwrite
):
    """``y[l] = (0 if overwrite else y[l]) + x[l] @ w`` for every lane l < ``lanes``.

    Lane l of x, of ``k`` inputs, lies at ``x_at + l · x_step``; that of y, of ``n`` outputs,
    likewise. The type of w tells its format: float32; int32 for two bfloat16 of consecutive
    inputs; int8, where the sum is multiplied by a scale per output before it is added.
    """
    i = types.intp
    signature = types.void(w, i, scales, i, x, i, i, i, y, i, i, i, i, i)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        arrays = signature.args
        x_step, k, y_step, n, lanes = args[6], args[7], args[10], args[11], args[12]
        # Panels before the last one are full, so a panel begins where its outputs times k do.
        per = _number(2 if arrays[0].dtype == types.int32 else 1)
        new = b.icmp_signed("!=", args[13], _number(0))
        panels = b.sdiv(n, _number(PANEL))
        for panel, first, count in (
            (PANEL, _number(0), panels),
            (HALF, panels, b.sub(b.sdiv(n, _number(HALF)), b.mul(panels, _number(2)))),
        ):
            with cgutils.for_range(b, count, intp=I64) as loop:
                at = b.mul(b.add(first, loop.index), _number(PANEL))
                lane = _number(0)
                for size in (8, 4, 2, 1):
                    tiles = b.sdiv(b.sub(lanes, lane), _number(size))
                    with cgutils.for_range(b, tiles, intp=I64) as group:
                        here = b.add(lane, b.mul(group.index, _number(size)))
                        skipped = b.sdiv(b.mul(at, k), per)
                        weights = _Array(context, b, arrays[0], args[0], b.add(args[1], skipped))
                        scales = _Array(context, b, arrays[2], args[2], b.add(args[3], at))
                        inputs = _Array(
                            context, b, arrays[4], args[4], b.add(args[5], b.mul(here, x_step))
                        )
                        to = b.add(b.add(args[9], at), b.mul(here, y_step))
                        outputs = _Array(context, b, arrays[8], args[8], to)
                        _tile(
                            b, _accumulators(context) // size, size, panel,
                            arrays[0], weights, scales, inputs, x_step, k, outputs, y_step, new,
                        )  # fmt: skip
                    lane = b.add(lane, b.mul(tiles, _number(size)))
        return context.get_dummy_value()

    return signature, codegen


def _tile(
    b: Any,
    widest: int,
    lanes: int,
    panel: int,
    array_type: Any,
    weights: _Array,
    scales: _Array,
    inputs: _Array,
    x_step: Any,
    k: Any,
    outputs: _Array,
    y_step: Any,
    overwrite: Any,
) -> None:
    """One panel of `multiply` for some lanes, in pieces of at most ``widest`` outputs."""
    width = min(panel, widest)
    per = 2 if array_type.dtype == types.int32 else 1
    integer = array_type.dtype == types.int8
    zero = _constant(0.0, width)
    sums = [cgutils.alloca_once(b, _vector(width)) for _ in range(lanes)]
    rows = [b.mul(x_step, _number(lane)) for lane in range(lanes)]
    with cgutils.for_range(b, _number(panel // width), intp=I64) as pieces:
        piece = b.mul(pieces.index, _number(width))
        places = [b.add(b.mul(y_step, _number(lane)), piece) for lane in range(lanes)]
        before = [b.select(overwrite, zero, outputs.load(p, _vector(width))) for p in places]
        for lane in range(lanes):
            b.store(zero if integer else before[lane], sums[lane])
        with cgutils.for_range(b, b.sdiv(k, _number(ROWS)), intp=I64) as loop:
            row = b.mul(loop.index, _number(ROWS))
            element = b.add(b.mul(row, _number(panel // per)), piece)
            for i in range(0, ROWS, per):
                at = b.add(element, _number(i // per * panel))
                for j, weight in enumerate(_widen(b, array_type, weights, at, width)):
                    at_x = b.add(row, _number(i + j))
                    for lane in range(lanes):
                        value = inputs.load(b.add(at_x, rows[lane]), F32)
                        spread = _splat(b, value, width)
                        b.store(_fma(b, weight, spread, b.load(sums[lane])), sums[lane])
        for lane in range(lanes):
            total = b.load(sums[lane])
            if integer:
                total = _fma(b, total, scales.load(piece, _vector(width)), before[lane])
            outputs.store(total, places[lane])


@_intrinsic
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
        inputs = _Array(context, b, arrays[0], args[0], args[1])
        added = _Array(context, b, arrays[2], args[2], args[3])
        gates = _Array(context, b, arrays[4], args[4], args[5])
        one, width = _constant(1.0, WIDTH), _number(WIDTH)
        with cgutils.for_range(b, b.sdiv(channels, width), intp=I64) as loop:
            i = b.mul(loop.index, width)
            half = b.add(i, channels)
            a, s = (
                b.fadd(inputs.load(j, _vector(WIDTH)), added.load(j, _vector(WIDTH)))
                for j in (i, half)
            )
            a = _clamp(b, b.fadd(a, a), -20.0, 20.0)
            s = _clamp(b, s, -30.0, 30.0)
            e = _exp(b, a)
            divisor = b.fmul(b.fadd(e, one), b.fadd(_exp(b, b.fneg(s)), one))
            gates.store(b.fdiv(b.fsub(e, one), divisor), i)
        return context.get_dummy_value()

    return signature, codegen


@_intrinsic
def exponentials(_, x, x_at, top, factor, y, y_at, count):  # type: ignore[no-untyped-def]
    """``y = exp((x - top) · factor)``, no smaller than e^-87; ``count`` a multiple of `WIDTH`."""
    n, f = types.intp, types.float32
    signature = types.void(x, n, f, f, y, n, n)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        arrays = signature.args
        inputs = _Array(context, b, arrays[0], args[0], args[1])
        outputs = _Array(context, b, arrays[4], args[4], args[5])
        top, factor = (_splat(b, v, WIDTH) for v in (args[2], args[3]))
        width = _number(WIDTH)
        with cgutils.for_range(b, b.sdiv(args[6], width), intp=I64) as loop:
            i = b.mul(loop.index, width)
            x = b.fmul(b.fsub(inputs.load(i, _vector(WIDTH)), top), factor)
            outputs.store(_exp(b, _clamp(b, x, -87.0, 88.0)), i)
        return context.get_dummy_value()

    return signature, codegen


@_intrinsic
def total(_, x, count, y):  # type: ignore[no-untyped-def]
    """``y[j] = Σ x[j + i · PANEL]`` over the first ``count`` elements: nothing but reading."""
    signature = types.void(x, types.intp, y)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        arrays, zero = signature.args, _number(0)
        inputs = _Array(context, b, arrays[0], args[0], zero)
        outputs = _Array(context, b, arrays[2], args[2], zero)
        wide = _vector(PANEL)
        sums = cgutils.alloca_once_value(b, _constant(0.0, PANEL))
        with cgutils.for_range(b, b.sdiv(args[1], _number(PANEL)), intp=I64) as loop:
            at = b.mul(loop.index, _number(PANEL))
            b.store(b.fadd(b.load(sums), inputs.load(at, wide)), sums)
        outputs.store(b.load(sums), 0)
        return context.get_dummy_value()

    return signature, codegen
