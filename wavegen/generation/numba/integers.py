"""Products of 8-bit integers, in LLVM vectors.

Weights are rounded to multiples of a scale per output, inputs to multiples of 1/127 of the largest
of their vector, anew for each product (`round_inputs`), but outputs of gates, which lie between -1
and 1, to multiples of 1/127 where those of all blocks are inputs (`round_gates`). The sums of their
products are exact, so that neither their order nor the instructions that make them matter.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from wavegen.generation.numba.layout import HALF, QUAD, TAIL, ZERO
from wavegen.generation.numba.picks import Picks
from wavegen.vectors import (
    F32,
    I8,
    I32,
    I64,
    Array,
    constant,
    fma,
    function,
    number,
    splat,
    vector,
)


def step_of(b: Any, k: Any) -> Any:
    """Bytes from the codes of one lane's ``k`` inputs to the next one's."""
    return b.add(k, number(TAIL))


def round_inputs(b: Any, x: Array, x_step: Any, k: Any, lanes: Any, codes: Array) -> None:
    """Write the codes of every lane's ``k`` inputs, and after them their scale."""
    step = step_of(b, k)
    bits = vector(HALF, I32)
    with cgutils.for_range(b, lanes, intp=I64) as lane:
        inputs, to = x.part(b.mul(lane.index, x_step)), codes.part(b.mul(lane.index, step))
        top = cgutils.alloca_once(b, bits)
        b.store(constant(0, HALF, I32), top)
        with cgutils.for_range(b, b.sdiv(k, number(HALF)), intp=I64) as loop:
            values = inputs.load(b.mul(loop.index, number(HALF)), bits)
            # Absolute floats are in the order of their bits.
            size = b.and_(values, constant(0x7FFFFFFF, HALF, I32))
            b.store(b.call(function(b, "smax", bits, 2), [b.load(top), size]), top)
        most = b.bitcast(_largest(b, b.load(top)), F32)
        least = ir.Constant(F32, 2.0**-99)
        most = b.select(b.fcmp_ordered(">", most, least), most, least)
        to.store(b.fmul(most, ir.Constant(F32, float(np.float32(1 / 127)))), k)
        factor = splat(b, b.fdiv(ir.Constant(F32, 127.0), most), HALF)
        _write_codes(b, inputs, factor, to, number(0), k)


def round_gates(
    b: Any, x: Array, x_step: Any, k: Any, first: Any, last: Any, lanes: Any, codes: Array
) -> None:
    """Write the codes of the inputs from ``first`` to ``last`` of every lane's ``k``, all of which
    lie between -1 and 1, and after all of them their scale."""
    with cgutils.for_range(b, lanes, intp=I64) as lane:
        inputs = x.part(b.mul(lane.index, x_step))
        to = codes.part(b.mul(lane.index, step_of(b, k)))
        to.store(ir.Constant(F32, float(np.float32(1 / 127))), k)
        _write_codes(b, inputs, constant(127.0, HALF), to, first, last)


def _write_codes(b: Any, x: Array, factor: Any, codes: Array, first: Any, last: Any) -> None:
    half = number(HALF)
    with cgutils.for_range(b, b.sdiv(b.sub(last, first), half), intp=I64) as loop:
        at = b.add(first, b.mul(loop.index, half))
        # Rounds to the nearest integer, which lies in the low bits.
        magic = constant(1.5 * 2**23 + ZERO, HALF)
        rounded = fma(b, x.load(at, vector(HALF)), factor, magic)
        codes.store(b.trunc(b.bitcast(rounded, vector(HALF, I32)), vector(HALF, I8)), at)


def _largest(b: Any, values: Any) -> Any:
    """The largest integer of a vector."""
    name = f"llvm.vector.reduce.smax.v{values.type.count}i32"
    kind = ir.FunctionType(I32, [values.type])
    return b.call(cgutils.get_or_insert_function(b.module, kind, name), [values])


def tile(
    context: Any,
    b: Any,
    width: int,
    lanes: int,
    panel: int,
    weights: Array,
    scales: Array,
    offsets: Array,
    codes: Array,
    x_step: Any,
    scale_at: Any,
    picks: Picks,
    first: Any,
    last: Any,
    whole: Any,
    sums: Array,
    outputs: Array,
    y_step: Any,
    overwrite: Any,
) -> None:
    """One panel of `products.multiply` for some lanes, in pieces of ``width`` outputs; the scale of
    a lane's inputs lies ``scale_at`` bytes after their first.

    Before row ``first`` and after row ``last``, unless ``whole`` says that it is the very last one,
    the sums of the only lane stand in ``sums``.
    """
    dot = Dot(context)
    unit = min(width, dot.width)
    units = range(width // unit)
    # More sums than outputs hide the latency of the products.
    ways = max(1, min(4, dot.registers // (lanes * len(units))))
    step = QUAD * max(2, ways)
    if picks.sparse:
        ways, step = 1, QUAD
    kind = vector(unit, I32)
    totals = [
        [[cgutils.alloca_once(b, kind) for _ in units] for _ in range(lanes)] for _ in range(ways)
    ]
    begin = copy.copy(offsets)
    begin.start = b.select(b.icmp_signed("==", first, number(0)), offsets.start, sums.start)
    with cgutils.for_range(b, number(panel // width), intp=I64) as pieces:
        piece = b.mul(pieces.index, number(width))
        for way in range(ways):
            for lane in range(lanes):
                for u in units:
                    start = constant(0, unit, I32)
                    if way == 0:
                        start = begin.load(b.add(piece, number(u * unit)), kind)
                    b.store(start, totals[way][lane][u])
        with cgutils.for_range(b, b.sdiv(b.sub(last, first), number(step)), intp=I64) as loop:
            for i in range(step // QUAD):
                row = b.add(b.mul(loop.index, number(step)), b.add(first, number(i * QUAD)))
                at = b.add(b.mul(row, number(panel)), b.mul(piece, number(QUAD)))
                parts = [weights.load(b.add(at, number(u * unit * QUAD)), kind) for u in units]
                firsts = picks.inputs(row, [b.add(piece, number(u * unit)) for u in units])
                for lane in range(lanes):
                    start = b.mul(x_step, number(lane))
                    x = {
                        place: splat(b, codes.load(b.add(start, place), I32), unit)
                        for place in dict.fromkeys(firsts)
                    }
                    for u in units:
                        total = totals[i % ways][lane][u]
                        b.store(dot(b, b.load(total), x[firsts[u]], parts[u]), total)
        for lane in range(lanes):
            for u in units:
                total = b.load(totals[0][lane][u])
                for way in range(1, ways):
                    total = b.add(total, b.load(totals[way][lane][u]))
                b.store(total, totals[0][lane][u])
        with b.if_else(whole) as (done, more):
            with done:
                for lane in range(lanes):
                    start = b.mul(x_step, number(lane))
                    scale = splat(b, codes.load(b.add(start, scale_at), F32), unit)
                    for u in units:
                        at = b.add(piece, number(u * unit))
                        factor = b.fmul(scale, scales.load(at, vector(unit)))
                        to = b.add(b.mul(y_step, number(lane)), at)
                        before = outputs.load(to, vector(unit))
                        before = b.select(overwrite, constant(0.0, unit), before)
                        total = b.sitofp(b.load(totals[0][lane][u]), vector(unit))
                        outputs.store(fma(b, total, factor, before), to)
            with more:
                for u in units:
                    sums.store(b.load(totals[0][0][u]), b.add(piece, number(u * unit)))


def features(context: Any) -> list[str]:
    """What the CPU that code is made for has, as LLVM names it: ``+avx2`` …"""
    names: list[str] = context.codegen().magic_tuple()[2].split(",")
    return names


class Dot:
    """Adds to each int32 the sum of four products of unsigned and signed bytes, in order, in the
    best way that the CPU has."""

    def __init__(self, context: Any) -> None:
        known = features(context)
        self.width = 16 if "+avx512f" in known else 8
        self.registers = 16 if "+avx512f" in known else 8
        vnni = "+avx512vnni" if self.width == 16 else "+avxvnni"
        self._vnni = vnni in known

    def __call__(self, b: Any, total: Any, unsigned: Any, signed: Any) -> Any:
        kind = total.type
        if self._vnni and kind.count == self.width:
            name = f"llvm.x86.avx512.vpdpbusd.{32 * kind.count}"
            function = ir.FunctionType(kind, [kind] * 3)
            made = cgutils.get_or_insert_function(b.module, function, name)
            return b.call(made, [total, unsigned, signed])
        halves = vector(2 * kind.count, ir.IntType(16))
        eight = constant(8, halves.count, halves.element)
        u, s = b.bitcast(unsigned, halves), b.bitcast(signed, halves)
        low = b.and_(u, constant(255, halves.count, halves.element))
        total = b.add(total, _pairs(b, low, b.ashr(b.shl(s, eight), eight)))
        return b.add(total, _pairs(b, b.lshr(u, eight), b.ashr(s, eight)))


def _pairs(b: Any, x: Any, y: Any) -> Any:
    """Sums of two products of 16-bit integers each: one instruction (pmaddwd) on x86."""
    wide = vector(x.type.count, I32)
    products = b.mul(b.sext(x, wide), b.sext(y, wide))
    picked = [
        ir.Constant(vector(wide.count // 2, I32), [*range(first, wide.count, 2)])
        for first in (0, 1)
    ]
    even, odd = (b.shuffle_vector(products, products, at) for at in picked)
    return b.add(even, odd)
