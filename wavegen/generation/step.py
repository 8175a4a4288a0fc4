"""The compiled step of the `numba` engine."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wavegen.generation import simd
from wavegen.generation.compiled import part, whole
from wavegen.generation.packing import Floats, Integers, Matrices, Network

AHEAD = 4
"""Samples for which a lone utterance computes its past taps at once, where they are known."""


class State(NamedTuple):
    """All that generation remembers of up to C utterances, in flat arrays of the shapes given.

    The first lanes are in use. All lanes share one clock, and every lane's past before its own
    first sample is zero.
    """

    queues: Floats
    """(slots of all blocks, C, R): the input of time t lies in slot t % slots of its block."""
    first: Integers
    """(L,) first slot of each block."""
    clock: Integers
    """(1,) samples drawn since the state was made."""
    code: Integers
    """(C,) last sample of each, or the start symbol."""
    wait: Integers
    """(C,) samples until the next row of conditioning."""
    cond: Floats
    """(C, L, 2R) the projected row."""
    x: Floats
    """(C, R), and from here on scratch space: the input of a block."""
    z: Floats
    """(C, 2R) inputs of the gates."""
    ahead: Floats
    """(L, `AHEAD`, 2R) past taps of the next samples."""
    gates: Floats
    """(C, L, R)."""
    skip: Floats
    """(C, S)."""
    hidden: Floats
    """(C, S)."""
    logits: Floats
    """(C, Q)."""
    weights: Floats
    """(Q,) probabilities before they are divided by their sum."""
    sums: NDArray[np.float64]
    """(Q,) their cumulative sum."""
    frame: Integers
    """(C,) rows used in this call."""


@part
def _multiply(
    m: Matrices,
    matrix: int,
    x: Floats,
    x_at: int,
    x_step: int,
    y: Floats,
    y_at: int,
    y_step: int,
    lanes: int,
    fresh: int,
) -> None:
    """``y[lane] (+)= x[lane] @ matrix``; lane l lies at ``at + l · step``."""
    w, s = m.places[matrix, 0], m.places[matrix, 1]
    k, n = m.places[matrix, 2], m.places[matrix, 3]
    simd.multiply(
        m.weights, w, m.scales, s, x, x_at, x_step, k, y, y_at, y_step, n, lanes, fresh
    )  # fmt: skip


@part
def _past(net: Network, state: State, capacity: int) -> None:
    """Past taps of the next `AHEAD` samples of lane 0, in the blocks where all are known."""
    channels, kernel = net.channels, net.kernel
    base = state.clock[0] // AHEAD * AHEAD
    for layer in range(len(net.dilations)):
        dilation = net.dilations[layer]
        if dilation % AHEAD:
            continue
        slots = (kernel - 1) * dilation
        for tap in range(kernel - 1):
            fresh = 1 if tap == 0 else 0
            slot = state.first[layer] + (base - (kernel - 1 - tap) * dilation) % slots
            step = capacity * channels
            to = layer * AHEAD * 2 * channels
            matrix = layer * (kernel + 1) + tap
            _multiply(
                net.matrices, matrix, state.queues, slot * step, step,
                state.ahead, to, 2 * channels, AHEAD, fresh,
            )  # fmt: skip


@part
def _readout(net: Network, state: State, lanes: int) -> None:
    """Gates of all blocks to logits."""
    layers, skip, levels = len(net.dilations), net.skip, net.levels
    matrix = layers * (net.kernel + 1)
    gates = layers * net.channels
    for lane in range(lanes):
        for j in range(skip):
            state.skip[lane * skip + j] = net.skip_bias[j]
            state.hidden[lane * skip + j] = net.hidden_bias[j]
        for j in range(levels):
            state.logits[lane * levels + j] = net.head_bias[j]
    _multiply(net.matrices, matrix, state.gates, 0, gates, state.skip, 0, skip, lanes, 0)
    for j in range(lanes * skip):
        state.skip[j] = max(state.skip[j], np.float32(0))
    _multiply(net.matrices, matrix + 1, state.skip, 0, skip, state.hidden, 0, skip, lanes, 0)
    for j in range(lanes * skip):
        state.hidden[j] = max(state.hidden[j], np.float32(0))
    _multiply(net.matrices, matrix + 2, state.hidden, 0, skip, state.logits, 0, levels, lanes, 0)


@part
def _draw(state: State, at: int, levels: int, temperature: float, uniform: float) -> int:
    """`Categorical.sample`: the first code whose cumulative probability exceeds the uniform."""
    best = 0
    for j in range(levels):
        if state.logits[at + j] > state.logits[at + best]:
            best = j
    if temperature == 0:
        return best
    top = state.logits[at + best]
    factor = np.float32(1 / max(temperature, 1e-30))
    simd.exponentials(state.logits, at, top, factor, state.weights, 0, levels)
    total = 0.0
    for j in range(levels):
        total += state.weights[j]
        state.sums[j] = total
    code, end = 0, levels - 1
    while code < end:  # bisection
        middle = (code + end) // 2
        if state.sums[middle] > uniform * total:
            end = middle
        else:
            code = middle + 1
    return code


def _run(
    net: Network,
    state: State,
    lanes: int,
    count: int,
    rows: Floats,
    frames: int,
    uniforms: NDArray[np.float64],
    temperatures: NDArray[np.float64],
    forced: Integers,
    drawn: Integers,
    logits: NDArray[Any],
) -> None:
    """Advance the first ``lanes`` utterances by ``count`` samples.

    Args:
        net: the packed network.
        state: changed in place.
        lanes: N utterances, at most the C of the state.
        count: n samples.
        rows: (N, F, E), flat: the rows of conditioning that begin in this call.
        frames: F.
        uniforms: (C, n) in [0, 1).
        temperatures: (C,) divides the logits; 0 takes the most likely sample.
        forced: (C, n) samples to go on with in place of the drawn ones, or (0, 0).
        drawn: (C, n) is filled with the samples drawn.
        logits: (C, n, Q) is filled with the logits, or is empty.
    """
    channels, kernel, layers = net.channels, net.kernel, len(net.dilations)
    capacity = len(state.code)
    conditioning = layers * (kernel + 1) + 3
    width = layers * 2 * channels
    for lane in range(lanes):
        state.frame[lane] = 0
    alone = lanes == 1
    for i in range(count):
        clock = state.clock[0]
        if alone and (i == 0 or clock % AHEAD == 0):
            _past(net, state, capacity)
        for lane in range(lanes):
            if state.wait[lane] == 0:
                to = lane * width
                for j in range(width):
                    state.cond[to + j] = net.cond_bias[j]
                at = (lane * frames + state.frame[lane]) * net.row
                _multiply(net.matrices, conditioning, rows, at, 0, state.cond, to, 0, 1, 0)
                state.frame[lane] += 1
                state.wait[lane] = net.hop
            state.wait[lane] -= 1
            for j in range(channels):
                state.x[lane * channels + j] = net.embedding[state.code[lane] * channels + j]
        for layer in range(layers):
            dilation = net.dilations[layer]
            slots = (kernel - 1) * dilation
            z, z_at = state.z, 0
            matrix = layer * (kernel + 1)
            if alone and dilation % AHEAD == 0:
                z, z_at = state.ahead, (layer * AHEAD + clock % AHEAD) * 2 * channels
            else:
                for tap in range(kernel - 1):
                    fresh = 1 if tap == 0 else 0
                    slot = state.first[layer] + (clock - (kernel - 1 - tap) * dilation) % slots
                    _multiply(
                        net.matrices, matrix + tap,
                        state.queues, slot * capacity * channels, channels,
                        z, z_at, 2 * channels, lanes, fresh,
                    )  # fmt: skip
            slot = state.first[layer] + clock % slots
            for j in range(lanes * channels):
                state.queues[slot * capacity * channels + j] = state.x[j]
            _multiply(
                net.matrices,
                matrix + kernel - 1,
                state.x,
                0,
                channels,
                z,
                z_at,
                2 * channels,
                lanes,
                0,
            )
            for lane in range(lanes):
                simd.gate(
                    z, z_at + lane * 2 * channels,
                    state.cond, lane * width + layer * 2 * channels,
                    state.gates, (lane * layers + layer) * channels, channels,
                )  # fmt: skip
            if layer < layers - 1:
                _multiply(
                    net.matrices, matrix + kernel, state.gates, layer * channels, layers * channels,
                    state.x, 0, channels, lanes, 0,
                )  # fmt: skip
        _readout(net, state, lanes)
        for lane in range(lanes):
            at = lane * net.levels
            code = _draw(state, at, net.levels, temperatures[lane], uniforms[lane, i])
            drawn[lane, i] = code
            state.code[lane] = forced[lane, i] if forced.size else code
            if logits.size:
                for j in range(net.levels):
                    logits[lane, i, j] = state.logits[at + j]
        state.clock[0] = clock + 1


run = {kind: whole(_run, kind) for kind in ("float32", "int32", "int8")}
"""The compiled function for each type of packed weights."""
