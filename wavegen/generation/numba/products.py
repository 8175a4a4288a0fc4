"""Matrix products of the `numba` engine, written in LLVM vectors.

LLVM's own vectoriser keeps none of these loops in registers, so each is built here with
`numba.extending.intrinsic`: one vector per utterance, as wide as the tile, which LLVM splits into
what the CPU has (AVX-512, AVX2, NEON, …). Every output is one chain of fused multiply-adds in
ascending order of its inputs, whatever the tile, so that the result depends neither on the CPU's
vector width nor on how many utterances share a load of the weights.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils

from wavegen.generation.numba import integers
from wavegen.generation.numba.layout import GROUP, HALF, PANEL, QUAD, ROWS
from wavegen.generation.numba.picks import Picks
from wavegen.vectors import F32, I32, I64, Array, constant, fma, intrinsic, number, splat, vector


def _accumulators(context: Any) -> int:
    """Sums of 32 bits that fit the vector registers, with room for weights beside them."""
    return 256 if "+avx512f" in integers.features(context) else 64


@intrinsic
def multiply(  # type: ignore[no-untyped-def]
    _, w, w_at, scales, offsets, s_at, picks, p_at, rows, codes,
    x, x_at, x_step, k, y, y_at, y_step, n, lanes, overwrite, rounded, first, last, sums,
):  # fmt: skip
    """``y[l] = (0 if overwrite else y[l]) + x[l] @ w`` for every lane l < ``lanes``.

    Lane l of x, of ``k`` inputs, lies at ``x_at + l · x_step``; that of y, of ``n`` outputs,
    likewise. The type of w tells its format: float32; int32 for two bfloat16 of consecutive
    inputs; int8 (see `integers`), the only one that takes ``scales`` and ``offsets`` from ``s_at``
    on, and room in ``codes``, or with ``rounded`` the codes that stand there. That of picks tells
    whether w is sparse (see `Matrices.picks`): then it has ``rows`` in place of ``k``, and their
    inputs stand in ``picks`` from ``p_at`` on.

    A call takes the rows from ``first`` to ``last``. A product may be made in several calls, in
    order, for one lane: until the last row, y holds the sums so far, or in int8 ``sums`` does.
    """
    i = types.intp
    signature = types.void(
        w, i, scales, offsets, i, picks, i, i, codes, x, i, i, i, y, i, i, i, i, i, i, i, i, sums
    )

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        arrays = signature.args
        integer, sparse = arrays[0].dtype == types.int8, isinstance(arrays[5], types.Array)
        x_step, k, y_step, n, lanes = args[11], args[12], args[15], args[16], args[17]
        x = Array(context, b, arrays[9], args[9], args[10])
        scale_at = number(0)
        if integer:
            codes = Array(context, b, arrays[8], args[8], number(0))
            with b.if_then(b.icmp_signed("==", args[19], number(0))):
                integers.round_inputs(b, x, x_step, k, lanes, codes)
            x_step = integers.step_of(b, k)
            x, scale_at = codes, k
        rows, first, last = args[7] if sparse else k, args[20], args[21]
        whole = b.icmp_signed("==", last, rows)
        # Panels before the last one are full, so a panel begins where its outputs times k do.
        per = number(2 if arrays[0].dtype == types.int32 else 1)
        new = b.icmp_signed("!=", args[18], number(0))
        panels = b.sdiv(n, number(PANEL))
        for panel, begin, count in (
            (PANEL, number(0), panels),
            (HALF, panels, b.sub(b.sdiv(n, number(HALF)), b.mul(panels, number(2)))),
        ):
            with cgutils.for_range(b, count, intp=I64) as loop:
                at = b.mul(b.add(begin, loop.index), number(PANEL))
                lane = number(0)
                for size in (8, 4, 2, 1):
                    tiles = b.sdiv(b.sub(lanes, lane), number(size))
                    with cgutils.for_range(b, tiles, intp=I64) as group:
                        here = b.add(lane, b.mul(group.index, number(size)))
                        skipped = b.sdiv(b.mul(at, rows), per)
                        weights = Array(context, b, arrays[0], args[0], b.add(args[1], skipped))
                        inputs = x.part(b.mul(here, x_step))
                        to = b.add(b.add(args[14], at), b.mul(here, y_step))
                        outputs = Array(context, b, arrays[13], args[13], to)
                        picks = Picks(b, panel)
                        if sparse:
                            skipped = b.sdiv(b.mul(at, rows), number(GROUP * QUAD))
                            p_at = b.add(args[6], skipped)
                            picks = Picks(b, panel, Array(context, b, arrays[5], args[5], p_at))
                        width = min(panel, _accumulators(context) // size)
                        if integer:
                            per_output = b.add(args[4], at)
                            integers.tile(
                                context, b, width, size, panel, weights,
                                Array(context, b, arrays[2], args[2], per_output),
                                Array(context, b, arrays[3], args[3], per_output),
                                inputs, x_step, scale_at, picks, first, last, whole,
                                Array(context, b, arrays[22], args[22], at),
                                outputs, y_step, new,
                            )  # fmt: skip
                        else:
                            _tile(
                                b, width, size, panel, arrays[0], weights,
                                inputs, x_step, picks, first, last, outputs, y_step, new,
                            )  # fmt: skip
                    lane = b.add(lane, b.mul(tiles, number(size)))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def add(_, w, x, x_at, k, y, y_at, n):  # type: ignore[no-untyped-def]
    """``y += x @ w`` for one lane and few inputs: `multiply` takes many times as long to compile.

    x has ``k`` inputs from ``x_at`` on, y ``n`` outputs; w is a dense float32 matrix.
    """
    i = types.intp
    signature = types.void(w, x, i, i, y, i, i)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        arrays, k, n = signature.args, args[3], args[6]
        x = Array(context, b, arrays[1], args[1], args[2])
        old = b.icmp_signed("!=", number(0), number(0))
        panels = b.sdiv(n, number(PANEL))
        last = b.sub(b.sdiv(n, number(HALF)), b.mul(panels, number(2)))
        for panel, begin, count in ((PANEL, number(0), panels), (HALF, panels, last)):
            with cgutils.for_range(b, count, intp=I64) as loop:
                at = b.mul(b.add(begin, loop.index), number(PANEL))
                weights = Array(context, b, arrays[0], args[0], b.mul(at, k))
                outputs = Array(context, b, arrays[4], args[4], b.add(args[5], at))
                _tile(
                    b, panel, 1, panel, arrays[0], weights,
                    x, number(0), Picks(b, panel), number(0), k, outputs, number(0), old,
                )  # fmt: skip
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def round_gates(_, w, codes, x, x_at, x_step, k, first, last, lanes):  # type: ignore[no-untyped-def]
    """`integers.round_gates`, if w is of int8; otherwise nothing."""
    i = types.intp
    signature = types.void(w, codes, x, i, i, i, i, i, i)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        arrays = signature.args
        if arrays[0].dtype == types.int8:
            x = Array(context, b, arrays[2], args[2], args[3])
            codes = Array(context, b, arrays[1], args[1], number(0))
            step, k, first, last, lanes = args[4:]
            integers.round_gates(b, x, step, k, first, last, lanes, codes)
        return context.get_dummy_value()

    return signature, codegen


def _tile(
    b: Any,
    width: int,
    lanes: int,
    panel: int,
    array_type: Any,
    weights: Array,
    inputs: Array,
    x_step: Any,
    picks: Picks,
    first: Any,
    last: Any,
    outputs: Array,
    y_step: Any,
    overwrite: Any,
) -> None:
    """One panel of `multiply` for some lanes, in pieces of ``width`` outputs."""
    per = 2 if array_type.dtype == types.int32 else 1
    unit = picks.unit(width)
    units = range(width // unit)
    sums = [[cgutils.alloca_once(b, vector(unit)) for _ in units] for _ in range(lanes)]
    starts = [b.mul(x_step, number(lane)) for lane in range(lanes)]
    with cgutils.for_range(b, number(panel // width), intp=I64) as pieces:
        piece = b.mul(pieces.index, number(width))
        at = [b.add(piece, number(u * unit)) for u in units]
        places = [
            (b.add(b.mul(y_step, number(lane)), at[u]), sums[lane][u])
            for lane in range(lanes)
            for u in units
        ]
        for place, total in places:
            before = outputs.load(place, vector(unit))
            b.store(b.select(overwrite, constant(0.0, unit), before), total)
        with cgutils.for_range(b, b.sdiv(b.sub(last, first), number(ROWS)), intp=I64) as loop:
            row = b.add(first, b.mul(loop.index, number(ROWS)))
            elements = [b.add(b.mul(row, number(panel // per)), place) for place in at]
            firsts = picks.inputs(row, at)
            for i in range(0, ROWS, per):
                for u in units:
                    element = b.add(elements[u], number(i // per * panel))
                    pair = _widen(b, array_type, weights, element, unit)
                    for j, weight in enumerate(pair):
                        at_x = b.add(firsts[u], number(i + j))
                        for lane in range(lanes):
                            value = splat(b, inputs.load(b.add(at_x, starts[lane]), F32), unit)
                            total = sums[lane][u]
                            b.store(fma(b, weight, value, b.load(total)), total)
        for place, total in places:
            outputs.store(b.load(total), place)


def _widen(b: Any, array_type: Any, weights: Array, at: Any, width: int) -> list[Any]:
    """Weights of one packed element each, as float vectors, one per input row."""
    if array_type.dtype == types.float32:
        return [weights.load(at, vector(width))]
    pair = weights.load(at, vector(width, I32))  # two bf16: the upper halves of two floats
    low = b.shl(pair, constant(16, width, I32))
    high = b.and_(pair, constant(-65536, width, I32))
    return [b.bitcast(half, vector(width)) for half in (low, high)]
