"""From the gates of all blocks to the sample: by the thread that has computed them, or by a second
one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wavegen.compiling import compile_inner
from wavegen.generation.numba import links, products, simd
from wavegen.generation.numba.layout import Network
from wavegen.generation.numba.sampling import draw_amplitude, draw_code, is_over
from wavegen.generation.numba.stacks import multiply, multiply_rows
from wavegen.generation.numba.state import CODES, DRAWN, FOLLOWED, GATES, State
from wavegen.outputs.bins import Sampler

PATIENCE = 4000
"""How often a thread looks whether the other one has drawn a sample before it does so itself."""
IDLE = 4000
"""How often a thread looks for gates before it lets others work."""


@compile_inner
def add_skips(net: Network, state: State, lanes: int, first: int, last: int) -> None:
    """Add to the skip sum what the gates of the blocks from ``first`` to ``last`` give."""
    layers, skip, channels = len(net.dilations), net.skip, net.channels
    matrix, gates, m = layers * (net.kernel + 1), layers * channels, net.matrices
    begin, end = net.ready[first - 1] if first else 0, net.ready[last - 1]
    if first == 0:
        for lane in range(lanes):
            for j in range(skip):
                state.skip[lane * skip + j] = net.skip_bias[j]
    products.round_gates(
        m.weights, state.codes, state.gated, 0, gates, gates,
        first * channels, last * channels, lanes,
    )  # fmt: skip
    if begin < end:
        multiply_rows(
            m, state.codes, matrix, state.gated, 0, gates, state.skip, 0, skip, lanes, 0,
            1, begin, end, state.sums,
        )  # fmt: skip


@compile_inner
def readout(net: Network, state: State, lanes: int) -> None:
    """Logits from the skip sum."""
    layers, skip, levels = len(net.dilations), net.skip, net.padded_levels
    matrix = layers * (net.kernel + 1)
    for lane in range(lanes):
        for j in range(skip):
            state.hidden[lane * skip + j] = net.hidden_bias[j]
        for j in range(levels):
            state.logits[lane * levels + j] = net.head_bias[j]
    simd.rectify(state.skip, lanes * skip)
    multiply(
        net.matrices, state.codes, matrix + 1, state.skip, 0, skip, state.hidden, 0, skip, lanes, 0
    )
    simd.rectify(state.hidden, lanes * skip)
    multiply(
        net.matrices, state.codes, matrix + 2,
        state.hidden, 0, skip, state.logits, 0, levels, lanes, 0,
    )  # fmt: skip


@compile_inner
def draw(
    net: Network,
    state: State,
    lane: int,
    i: int,
    uniforms: NDArray[np.float64],
    temperatures: NDArray[np.float64],
) -> int:
    """Draw the i-th sample of a call from its logits."""
    at = lane * net.padded_levels
    if net.sampler != Sampler.CATEGORICAL:
        code = draw_amplitude(
            net.sampler, state.logits, at, net.levels // 3,
            temperatures[lane, i], uniforms[lane, i, 0], state.cumulative,
        )  # fmt: skip
        if net.end >= 0 and state.may_end[lane]:
            odds = state.logits[at + net.levels - 1]
            code = net.end if is_over(odds, uniforms[lane, i, 1]) else code
        return code
    if net.end >= 0 and not state.may_end[lane]:
        state.logits[at + net.end] = np.float32(-1e30)
    return draw_code(net, state, at, temperatures[lane, i], uniforms[lane, i, 0])


@compile_inner
def await_sample(state: State, number: int) -> int:
    """The code of the sample of that number from the other thread, or -1 if it does not follow or
    takes too long."""
    if links.read(state.link, FOLLOWED) <= number:
        return -1
    for _ in range(PATIENCE):
        word = links.read(state.link, DRAWN)
        if word // CODES == number + 1:
            code: int = word % CODES
            return code
        links.pause()
    return -1


@compile_inner
def follow(
    net: Network,
    state: State,
    begin: int,
    count: int,
    uniforms: NDArray[np.float64],
    temperatures: NDArray[np.float64],
) -> int:
    """Draw the samples of which another thread, in `run`, computes the gates.

    Returns:
        1 after the last one; 0 if the other thread seems to pause.
    """
    layers, end = len(net.dilations), begin + count
    while True:
        number = (links.read(state.link, GATES) - 1) // layers
        number = begin if number < begin else number
        while number < end:
            links.write(state.link, FOLLOWED, number + 1)
            layer = waited = 0
            while layer < layers:
                known = links.read(state.link, GATES) - number * layers
                if known > layers:
                    break
                if known > layer:
                    add_skips(net, state, 1, layer, known)
                    layer, waited = known, 0
                    continue
                waited += 1
                if waited == IDLE:
                    return 0
                links.pause()
            if layer < layers:
                break  # The other thread has not waited: on with its sample.
            readout(net, state, 1)
            code = draw(net, state, 0, number - begin, uniforms, temperatures)
            links.write(state.link, DRAWN, (number + 1) * CODES + code)
            number += 1
        if number >= end:
            return 1
