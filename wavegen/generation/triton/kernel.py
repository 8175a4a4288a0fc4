"""The kernel of the `triton` engine: one program draws many samples of a group
of utterances."""

from __future__ import annotations

import triton
import triton.language as tl

from wavegen.generation.triton import feedback
from wavegen.generation.triton.blocks import multiply, repeat, step_block, update_gates
from wavegen.generation.triton.sampling import draw_amplitude, draw_code, is_over
from wavegen.model import inputs
from wavegen.outputs import bins
from wavegen.outputs.bins import Sampler

CATEGORICAL = tl.constexpr(int(Sampler.CATEGORICAL))
LEVELS = tl.constexpr(bins.LEVELS)
PHASES = tl.constexpr(inputs.PHASES)
CODES = tl.constexpr(256)
"""µ-law codes."""


@triton.jit
def _address(table, sizes, lane, index, type_: tl.constexpr):
    """(G,) pointers and sizes of what a table of `Given` points to."""
    return tl.load(table + lane).to(tl.pointer_type(type_)), tl.load(sizes + index + lane)


@triton.jit
def _decode(net, code, sizes: tl.constexpr):
    """(G,) f64 amplitudes of codes, among which the end of a clip counts as silence."""
    if sizes.sampler == CATEGORICAL:
        return tl.load(net.amplitudes + code)
    return (code - LEVELS // 2).to(tl.float64) / (LEVELS // 2)


@triton.jit
def _embed(net, code, sizes: tl.constexpr):
    """(G, R) f32 inputs of the first block."""
    channels: tl.constexpr = sizes.blocks.channels
    c = tl.arange(0, channels)[None, :]
    if sizes.sampler == CATEGORICAL:
        return tl.load(net.embedding + code[:, None] * channels + c)
    amplitude = _decode(net, code, sizes).to(tl.float32)
    x = amplitude[:, None] * tl.load(net.embedding + c) + tl.load(net.embedding + channels + c)
    started = (code != sizes.start)[:, None]
    return tl.where(started, x, tl.load(net.embedding + 2 * channels + c))


@triton.jit
def _readout(net, state, lane, total, sizes: tl.constexpr):
    """(G, 1) pointers to the rows that the head takes, from the (G, S) sum of the skip
    connections."""
    group: tl.constexpr = sizes.group
    skip: tl.constexpr = sizes.blocks.skip
    s = tl.arange(0, skip)[None, :]
    total += tl.load(net.skip_bias + s)
    rows = state.skip + lane[:, None] * skip
    tl.store(rows + s, tl.maximum(total, 0.0).to(state.skip.dtype.element_ty))
    tl.debug_barrier()
    total = repeat(net.hidden_bias + s, group)
    total = multiply(total, rows, net.hidden, skip, skip, skip, sizes.head_tile)
    rows = state.hidden + lane[:, None] * skip
    tl.store(rows + s, tl.maximum(total, 0.0).to(state.hidden.dtype.element_ty))
    tl.debug_barrier()
    return rows


@triton.jit
def _head(net, state, lane, rows, sizes: tl.constexpr):
    """Write the head's outputs, of all parts; from memory, they are read in a layout that suits
    what is done with them."""
    group: tl.constexpr = sizes.group
    skip: tl.constexpr = sizes.blocks.skip
    width: tl.constexpr = sizes.head
    q = tl.arange(0, width)[None, :]
    total = repeat(net.head_bias + q, group)
    total = multiply(total, rows, net.head, width, skip, width, sizes.head_tile)
    tl.store(state.outputs + lane[:, None] * width + q, total)
    tl.debug_barrier()


@triton.jit
def _part(state, lane, logits, part: tl.constexpr, sizes: tl.constexpr):
    """(G, K) f32 outputs of one part."""
    padded: tl.constexpr = sizes.padded_outputs
    q = tl.arange(0, padded)[None, :]
    found = tl.load(state.outputs + lane[:, None] * sizes.head + (part * padded + q))
    if sizes.logits:
        at = part * sizes.outputs + q
        tl.store(logits + at, found, mask=(q < sizes.outputs) & (at < sizes.channels))
    return found


@triton.jit
def _sample(
    net, state, lane, total, may_end, uniforms, temperature, logits,
    sizes: tl.constexpr,
):  # fmt: skip
    """(G,) codes, from the (G, S) sum of the skip connections."""
    uniform = tl.load(uniforms)
    _head(net, state, lane, _readout(net, state, lane, total, sizes), sizes)
    if sizes.sampler == CATEGORICAL:
        found = _part(state, lane, logits, 0, sizes)
        most = tl.zeros_like(lane) + (sizes.outputs - 1)
        if sizes.end >= 0:
            q = tl.arange(0, sizes.padded_outputs)[None, :]
            found = tl.where((q == sizes.end) & (may_end == 0)[:, None], -1e30, found)
            most = tl.where(may_end == 0, sizes.end - 1, most)
        return draw_code(found, uniform, temperature, most)
    weight = _part(state, lane, logits, 0, sizes)
    mean = _part(state, lane, logits, 1, sizes)
    scale = _part(state, lane, logits, 2, sizes)
    code = draw_amplitude(weight, mean, scale, uniform, temperature, sizes.sampler)
    if sizes.end >= 0:
        over = is_over(_part(state, lane, logits, 3, sizes), tl.load(uniforms + 1))
        code = tl.where(over & (may_end != 0), sizes.end, code)
    return code


@triton.jit
def _update_stack(
    stack, state, program, member, time, companded,
    index: tl.constexpr, sizes: tl.constexpr,
):  # fmt: skip
    """Give a context stack the lanes' last samples, of ``time``; where they complete a frame, it
    takes a step.

    Args:
        stack: `Stack`.
        state: `StackState`.
        program: the number of this program.
        member: (G,) numbers of its lanes.
        time: (G,).
        companded: (G,) µ-law codes.
        index: of the stack.
        sizes: `Sizes`.
    """
    group: tl.constexpr = sizes.group
    main: tl.constexpr = sizes.blocks
    own: tl.constexpr = sizes.stacks[index]
    blocks: tl.constexpr = own.blocks
    channels: tl.constexpr = blocks.channels
    layers: tl.constexpr = blocks.layers
    pool: tl.constexpr = own.pool
    lane = program * group + member
    c = tl.arange(0, channels)[None, :]
    place = time % pool if own.convolution else time * 0
    pooled = state.pooled + lane[:, None] * channels + c
    x = tl.load(pooled) + tl.load(stack.table + (place * CODES + companded)[:, None] * channels + c)
    full = ((time + 1) % pool == 0)[:, None]
    tl.store(pooled, tl.where(full, 0.0, x))
    if tl.max(full.to(tl.int32)) > 0:
        gated = state.gated + lane[:, None] * channels
        queues = state.queues + program.to(tl.int64) * (blocks.slots * group * channels)
        queues += member[:, None] * channels
        frame = (time // pool)[:, None]
        total = tl.zeros((group, channels), tl.float32)
        for layer in tl.range(layers, num_stages=blocks.ahead):
            bias = stack.bias + layer * 2 * channels + c
            z1 = repeat(bias, group)
            z2 = repeat(bias + channels, group)
            x, total = step_block(
                x, total, layer, frame, z1, z2, queues, gated, stack.blocks, full, group, blocks
            )
        rows = state.skip + lane[:, None] * channels
        total += tl.load(stack.skip_bias + c)
        tl.store(rows + c, total.to(state.skip.dtype.element_ty))
        tl.debug_barrier()
        gates = state.gates + lane[:, None] * (main.layers * 2 * main.channels)
        update_gates(
            gates, rows, stack.gates, None, full,
            channels, own.gates_tile, main.channels, main.layers,
        )  # fmt: skip


@triton.jit(do_not_specialize=["stride"])
def draw(
    net, state, given, lanes, counts, stride, uniforms,
    forced, drawn, logits, nothing, sizes: tl.constexpr,
):  # fmt: skip
    """Draw samples of every lane.

    Args:
        net: `Network`.
        state: `State`; changed.
        given: `Given`.
        lanes: N, a multiple of G.
        counts: (N / G,) int32 samples that each program draws of its lanes.
        stride: n, at least any of these.
        uniforms: (N, n, D) f64 in [0, 1).
        forced: (N, n) int32 samples to continue with in place of the drawn ones, if `Sizes.forced`.
        drawn: (N, n) int32 is filled with the samples drawn.
        logits: (N, n, Q) f32 is filled with the logits, if `Sizes.logits`.
        nothing: pointer to an int32 0, which the compiler does not know.
        sizes: `Sizes`.
    """
    group: tl.constexpr = sizes.group
    blocks: tl.constexpr = sizes.blocks
    channels: tl.constexpr = blocks.channels
    width: tl.constexpr = blocks.layers * 2 * channels
    skip: tl.constexpr = blocks.skip
    program = tl.program_id(0)
    count = tl.load(counts + program)
    for i in tl.range(0, count, disable_licm=True):
        # What is made of these is made anew for each sample: as it does not change, the compiler
        # would keep all of it, in more registers than there are.
        zero = tl.multiple_of(tl.load(nothing), 16)
        member = tl.arange(0, group) + zero
        c = (tl.arange(0, channels) + zero)[None, :]
        lane = program * group + member
        code = tl.load(state.code + lane)
        time = tl.load(state.time + lane)
        queues = state.queues + program.to(tl.int64) * (blocks.slots * group * channels)
        queues += member[:, None] * channels
        gated = state.gated + lane[:, None] * channels
        local = state.local + lane[:, None] * width
        x = _embed(net, code, sizes)
        frame = time // sizes.hop
        if sizes.phase:
            phases, phase_count = _address(given.phase, given.sizes, lane, 4 * lanes, tl.int32)
            phase = tl.load(phases + time, mask=time < phase_count, other=PHASES)
            x += tl.load(net.phase + phase[:, None] * channels + c)
        if sizes.order > 0:
            filters, size = _address(given.filters, given.sizes, lane, 2 * lanes, tl.float32)
            filter_ = filters + tl.minimum(frame, size - 1) * (sizes.order + 2)
            past, period = _address(given.excitation, given.sizes, lane, 3 * lanes, tl.float64)
            sound = state.sound + lane * sizes.order
            x, predicted = feedback.add_inputs(
                x, time, filter_, past, period, sound, net.given, channels, sizes.order
            )
        fresh = ((time % sizes.hop == 0) | (i == 0))[:, None]
        if tl.max(fresh.to(tl.int32)) > 0:
            rows, size = _address(given.rows, given.sizes, lane, 0, state.queues.dtype.element_ty)
            row = (rows + tl.minimum(frame, size - 1) * sizes.row)[:, None]
            update_gates(
                local, row, net.conditioning, net.gates_bias, fresh,
                sizes.row, sizes.row_tile, channels, blocks.layers,
            )  # fmt: skip
            tl.debug_barrier()
        total = tl.zeros((group, skip), tl.float32)
        for layer in tl.range(blocks.layers, num_stages=blocks.ahead):
            at = layer * 2 * channels + c
            z1 = tl.load(local + at)
            z2 = tl.load(local + at + channels)
            for n in tl.static_range(len(sizes.stacks)):
                added = state.stacks[n].gates + lane[:, None] * width + at
                z1 += tl.load(added)
                z2 += tl.load(added + channels)
            x, total = step_block(
                x, total, layer, time[:, None], z1, z2, queues, gated, net.blocks, None, group,
                blocks,
            )  # fmt: skip
        hot, size = _address(given.temperatures, given.sizes, lane, lanes, tl.float64)
        temperature = tl.load(hot + tl.minimum(time // sizes.hop, size - 1))
        may_end = tl.load(state.may_end + lane)
        # In 64 bits, as many lanes may draw many samples in a launch.
        here = lane.to(tl.int64) * stride + i
        own = uniforms + here * sizes.draws
        to = logits + here[:, None] * sizes.channels
        code = _sample(net, state, lane, total, may_end, own, temperature, to, sizes)
        tl.store(drawn + here, code)
        if sizes.forced:
            code = tl.load(forced + here)
        tl.store(state.code + lane, code)
        # Of a lane that has no job for days, too, it never becomes negative.
        tl.store(state.time + lane, (time + 1) & 0x7FFFFFFF)
        if sizes.order > 0:
            filters, size = _address(given.filters, given.sizes, lane, 2 * lanes, tl.float32)
            filter_ = filters + tl.minimum(time // sizes.hop, size - 1) * (sizes.order + 2)
            past, period = _address(given.excitation, given.sizes, lane, 3 * lanes, tl.float64)
            sound = state.sound + lane * sizes.order
            amplitude = _decode(net, code, sizes)
            feedback.append(amplitude, time, predicted, filter_, past, period, sound, sizes.order)
        if len(sizes.stacks) > 0:
            companded = tl.load(net.companded + code)
        for n in tl.static_range(len(sizes.stacks)):
            _update_stack(
                net.stacks[n], state.stacks[n], program, member, time, companded, n, sizes
            )
        tl.debug_barrier()
