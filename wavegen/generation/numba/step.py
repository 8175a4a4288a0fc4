"""The compiled step of the `numba` engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wavegen.compiling import compile_inner
from wavegen.generation.numba import prediction, simd
from wavegen.generation.numba.layout import Feedback, Floats, Integers, Network
from wavegen.generation.numba.sampling import draw_amplitude, draw_code, is_over
from wavegen.generation.numba.stacks import multiply, sum_conditioning, update_stacks
from wavegen.generation.numba.state import AHEAD, State
from wavegen.outputs.bins import Sampler


@compile_inner
def past_taps(net: Network, state: State, capacity: int) -> None:
    """Compute the past taps of the next `AHEAD` samples of lane 0, in the blocks where all of them
    are known."""
    channels, kernel = net.channels, net.kernel
    base = state.clock[0] // AHEAD * AHEAD
    for layer in range(len(net.dilations)):
        dilation = net.dilations[layer]
        if dilation % AHEAD:
            continue
        slots = (kernel - 1) * dilation
        for tap in range(kernel - 1):
            overwrite = 1 if tap == 0 else 0
            slot = state.queue_offset[layer] + (base - (kernel - 1 - tap) * dilation) % slots
            step = capacity * channels
            to = layer * AHEAD * 2 * channels
            matrix = layer * (kernel + 1) + tap
            multiply(
                net.matrices, state.codes, matrix, state.queues, slot * step, step,
                state.past_taps, to, 2 * channels, AHEAD, overwrite,
            )  # fmt: skip


@compile_inner
def _next_row(net: Network, state: State, lane: int, rows: Floats, frames: int) -> None:
    """Project an utterance's next row of conditioning, of (N, F, E) rows."""
    width = len(net.cond_bias)
    to = lane * width
    for j in range(width):
        state.local[to + j] = net.cond_bias[j]
    at = (lane * frames + state.next_row[lane]) * net.row
    matrix = len(net.dilations) * (net.kernel + 1) + 3
    multiply(net.matrices, state.codes, matrix, rows, at, 0, state.local, to, 0, 1, 0)
    sum_conditioning(net, state, lane)
    state.next_row[lane] += 1
    state.until_row[lane] = net.hop


@compile_inner
def blocks(net: Network, state: State, lanes: int, clock: int) -> None:
    """The gates of all blocks; their queues advance."""
    channels, kernel, layers = net.channels, net.kernel, len(net.dilations)
    capacity = len(state.code)
    width = layers * 2 * channels
    alone = lanes == 1
    for layer in range(layers):
        dilation, first = net.dilations[layer], state.queue_offset[layer]
        slots = (kernel - 1) * dilation
        z, z_at = state.z, 0
        matrix = layer * (kernel + 1)
        if alone and dilation % AHEAD == 0:
            z, z_at = state.past_taps, (layer * AHEAD + clock % AHEAD) * 2 * channels
        else:
            for tap in range(kernel - 1):
                overwrite = 1 if tap == 0 else 0
                slot = first + (clock - (kernel - 1 - tap) * dilation) % slots
                multiply(
                    net.matrices, state.codes, matrix + tap,
                    state.queues, slot * capacity * channels, channels,
                    z, z_at, 2 * channels, lanes, overwrite,
                )  # fmt: skip
        slot = first + clock % slots
        for j in range(lanes * channels):
            state.queues[slot * capacity * channels + j] = state.x[j]
        multiply(
            net.matrices, state.codes, matrix + kernel - 1,
            state.x, 0, channels,
            z, z_at, 2 * channels, lanes, 0,
        )  # fmt: skip
        for lane in range(lanes):
            simd.gate(
                z, z_at + lane * 2 * channels,
                state.cond, lane * width + layer * 2 * channels,
                state.gated, (lane * layers + layer) * channels, channels,
            )  # fmt: skip
        if layer < layers - 1:
            multiply(
                net.matrices, state.codes, matrix + kernel,
                state.gated, layer * channels, layers * channels,
                state.x, 0, channels, lanes, 0,
            )  # fmt: skip


@compile_inner
def readout(net: Network, state: State, lanes: int) -> None:
    """Logits from the gates of all blocks."""
    layers, skip, levels = len(net.dilations), net.skip, net.padded_levels
    matrix = layers * (net.kernel + 1)
    gates = layers * net.channels
    for lane in range(lanes):
        for j in range(skip):
            state.skip[lane * skip + j] = net.skip_bias[j]
            state.hidden[lane * skip + j] = net.hidden_bias[j]
        for j in range(levels):
            state.logits[lane * levels + j] = net.head_bias[j]
    multiply(
        net.matrices, state.codes, matrix, state.gated, 0, gates, state.skip, 0, skip, lanes, 0
    )
    for j in range(lanes * skip):
        state.skip[j] = max(state.skip[j], np.float32(0))
    multiply(
        net.matrices, state.codes, matrix + 1, state.skip, 0, skip, state.hidden, 0, skip, lanes, 0
    )
    for j in range(lanes * skip):
        state.hidden[j] = max(state.hidden[j], np.float32(0))
    multiply(
        net.matrices,
        state.codes,
        matrix + 2,
        state.hidden,
        0,
        skip,
        state.logits,
        0,
        levels,
        lanes,
        0,
    )


@compile_inner
def embed(net: Network, state: State, lane: int, phase: int) -> None:
    """Embed the last sample and the phase of the pitch, as the first block's input."""
    channels, code, to = net.channels, state.code[lane], lane * net.channels
    categorical = net.sampler == Sampler.CATEGORICAL
    if categorical or code == net.start:
        at = (code if categorical else 2) * channels
        for j in range(channels):
            state.x[to + j] = net.embedding[at + j]
    else:
        amplitude = np.float32(prediction.decode(net, code))
        for j in range(channels):
            state.x[to + j] = amplitude * net.embedding[j] + net.embedding[channels + j]
    if net.phase.size:
        for j in range(channels):
            state.x[to + j] += net.phase[phase * channels + j]


@compile_inner
def run(
    net: Network,
    state: State,
    lanes: int,
    count: int,
    rows: Floats,
    frames: int,
    phases: Integers,
    past: Feedback,
    uniforms: NDArray[np.float64],
    temperatures: NDArray[np.float64],
    forced: Integers,
    drawn: Integers,
    logits: NDArray[Any],
) -> int:
    """Advance the first ``lanes`` utterances by ``count`` samples.

    Args:
        net: the packed network.
        state: changed in place.
        lanes: N utterances, at most the C of the state.
        count: n samples.
        rows: (N, F, E), flat: the rows of conditioning that begin in this call.
        frames: F.
        phases: (C, n) codes of the pitch's phase, or (0, 0) for a network without.
        past: of linear prediction; changed in place.
        uniforms: (C, n, D) in [0, 1).
        temperatures: (C, n), as in `Distribution.sample`.
        forced: (C, n) samples to continue with in place of the drawn ones, or (0, 0).
        drawn: (C, n) is filled with the samples drawn.
        logits: (C, n, Q) is filled with the logits, or is empty.

    Returns:
        Samples drawn: n, or fewer where an utterance has ended by itself with the last of them.
    """
    capacity = len(state.code)
    for lane in range(lanes):
        state.next_row[lane] = 0
    for i in range(count):
        clock = state.clock[0]
        if lanes == 1 and (i == 0 or clock % AHEAD == 0):
            past_taps(net, state, capacity)
        for lane in range(lanes):
            if state.until_row[lane] == 0:
                _next_row(net, state, lane, rows, frames)
            state.until_row[lane] -= 1
            embed(net, state, lane, phases[lane, i] if phases.size else 0)
        if net.given.size:
            prediction.add_inputs(net, state, past, lanes, i)
        blocks(net, state, lanes, clock)
        readout(net, state, lanes)
        ended = False
        for lane in range(lanes):
            at = lane * net.padded_levels
            if logits.size:
                for j in range(net.levels):
                    logits[lane, i, j] = state.logits[at + j]
            if net.sampler != Sampler.CATEGORICAL:
                code = draw_amplitude(
                    net.sampler, state.logits, at, net.levels // 3,
                    temperatures[lane, i], uniforms[lane, i, 0],
                )  # fmt: skip
                if net.end >= 0 and state.may_end[lane]:
                    odds = state.logits[at + net.levels - 1]
                    code = net.end if is_over(odds, uniforms[lane, i, 1]) else code
            else:
                if net.end >= 0 and not state.may_end[lane]:
                    state.logits[at + net.end] = np.float32(-1e30)
                code = draw_code(net, state, at, temperatures[lane, i], uniforms[lane, i, 0])
            ended |= code == net.end
            drawn[lane, i] = code
            state.code[lane] = forced[lane, i] if forced.size else code
            state.position[lane] += 1
            if net.given.size:
                prediction.append(net, state, past, lane, i)
            if (
                len(net.stacks.pool)
                and code != net.end
                and update_stacks(net, state, lane, capacity)
            ):
                sum_conditioning(net, state, lane)
        state.clock[0] = clock + 1
        if ended:
            return i + 1
    return count
