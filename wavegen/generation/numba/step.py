"""The compiled step of the `numba` engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wavegen.compiling import compile_inner
from wavegen.generation.numba import links, prediction, simd
from wavegen.generation.numba.layout import Feedback, Floats, Integers, Network
from wavegen.generation.numba.readout import add_skips, await_sample, draw, follow, readout
from wavegen.generation.numba.stacks import multiply, sum_conditioning, update_stacks
from wavegen.generation.numba.state import AHEAD, GATES, SHARED, Part, State
from wavegen.outputs.bins import Sampler

TOLD = 2
"""Blocks after which a thread tells the other one that it has computed their gates."""


@compile_inner
def past_taps(net: Network, state: State, capacity: int, clock: int, begins: int) -> None:
    """Compute the past taps of lane 0 for the sample at ``clock``: in the blocks where those of
    `AHEAD` samples are known for all of them at once, if it is the first or a call ``begins``."""
    channels, kernel = net.channels, net.kernel
    phase = clock % AHEAD
    for layer in range(len(net.dilations)):
        dilation = net.dilations[layer]
        time, count, at = clock, 1, layer * AHEAD + phase
        if dilation % AHEAD == 0:
            if phase != 0 and begins == 0:
                continue
            time, count, at = clock - phase, AHEAD, layer * AHEAD
        slots = (kernel - 1) * dilation
        for tap in range(kernel - 1):
            overwrite = 1 if tap == 0 else 0
            slot = state.queue_offset[layer] + (time - (kernel - 1 - tap) * dilation) % slots
            step = capacity * channels
            matrix = layer * (kernel + 1) + tap
            multiply(
                net.matrices, state.codes, matrix, state.queues, slot * step, step,
                state.past_taps, at * 2 * channels, 2 * channels, count, overwrite,
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
def blocks(net: Network, state: State, lanes: int, clock: int, told: int) -> None:
    """The gates of all blocks; their queues advance. Another thread is ``told`` them as those of
    the sample of that number, unless it is -1."""
    channels, kernel, layers = net.channels, net.kernel, len(net.dilations)
    capacity = len(state.code)
    width = layers * 2 * channels
    alone = lanes == 1
    for layer in range(layers):
        dilation, first = net.dilations[layer], state.queue_offset[layer]
        slots = (kernel - 1) * dilation
        z, z_at = state.z, 0
        matrix = layer * (kernel + 1)
        if alone:
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
        if told >= 0 and ((layer + 1) % TOLD == 0 or layer == layers - 1):
            links.write(state.link, GATES, told * layers + layer + 1)
        if layer < layers - 1:
            multiply(
                net.matrices, state.codes, matrix + kernel,
                state.gated, layer * channels, layers * channels,
                state.x, 0, channels, lanes, 0,
            )  # fmt: skip


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
    part: int,
    begin: int,
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
        part: `Part` of the work. `Part.FOLLOW` changes nothing but `State.link` and the
            `SCRATCH` of the state, and returns as `follow`.
        begin: number of the first sample, for two threads.
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
    if part == Part.FOLLOW:
        return follow(net, state, begin, count, uniforms, temperatures)
    told = part == Part.LEAD
    ready = False
    followed = 0
    for lane in range(lanes):
        state.next_row[lane] = 0
    for i in range(count):
        clock = state.clock[0]
        if lanes == 1 and not ready:
            past_taps(net, state, capacity, clock, 1 if i == 0 else 0)
        for lane in range(lanes):
            if state.until_row[lane] == 0:
                _next_row(net, state, lane, rows, frames)
            state.until_row[lane] -= 1
            embed(net, state, lane, phases[lane, i] if phases.size else 0)
        if net.given.size:
            prediction.add_inputs(net, state, past, lanes, i)
        blocks(net, state, lanes, clock, begin + i if told else -1)
        shared = -1
        if told:
            past_taps(net, state, capacity, clock + 1, 0)
            ready = True
            shared = await_sample(state, begin + i)
        if shared >= 0:
            followed += 1
        else:
            add_skips(net, state, lanes, 0, len(net.dilations))
            readout(net, state, lanes)
        ended = False
        for lane in range(lanes):
            if logits.size:
                for j in range(net.levels):
                    logits[lane, i, j] = state.logits[lane * net.padded_levels + j]
            code = shared
            if code < 0:
                code = draw(net, state, lane, i, uniforms, temperatures)
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
            count = i + 1
            break
    state.link[SHARED] = followed
    return count
