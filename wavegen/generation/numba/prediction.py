"""The inputs of linear prediction in the compiled step, from the samples as they are drawn."""

from __future__ import annotations

import math

from wavegen.audio.taps import COMPRESSION, INPUTS, TAPS
from wavegen.compiling import compile_inner
from wavegen.generation.numba import products
from wavegen.generation.numba.layout import Feedback, Network
from wavegen.generation.numba.state import State
from wavegen.outputs.bins import LEVELS, Sampler


@compile_inner
def decode(net: Network, code: int) -> float:
    """The amplitude of a code."""
    if net.sampler == Sampler.CATEGORICAL:
        return float(net.amplitudes[code])
    return (code - LEVELS // 2) / (LEVELS // 2)


@compile_inner
def _compress(value: float) -> float:
    return math.copysign(math.log1p(COMPRESSION * abs(value)), value)


@compile_inner
def add_inputs(net: Network, state: State, feedback: Feedback, lanes: int, sample: int) -> None:
    """Add the projected inputs of a call's n-th ``sample`` to the first block's."""
    order = feedback.coefficients.shape[2]
    for lane in range(lanes):
        frame, at = state.next_row[lane], lane * INPUTS
        predicted = 0.0
        for k in range(order):
            past = feedback.sound[lane, order + sample - 1 - k]
            predicted += feedback.coefficients[lane, frame, k] * past
        feedback.sound[lane, order + sample] = predicted
        gain = feedback.gains[lane, frame]
        feedback.inputs[at] = _compress(feedback.sound[lane, order + sample - 1] / gain)
        feedback.inputs[at + 1] = _compress(predicted / gain)
        lag = feedback.lags[lane, frame]
        oldest = feedback.known + sample - lag - TAPS // 2
        for j in range(TAPS):
            feedback.inputs[at + 2 + j] = feedback.excitation[lane, oldest + j] if lag > 0 else 0.0
        feedback.inputs[at + 2 + TAPS] = 1.0 if lag > 0 else 0.0
    # In f32 whatever the precision of the other weights, as the embedding of the last sample.
    for lane in range(lanes):
        products.add(
            net.given, feedback.inputs, lane * INPUTS, INPUTS,
            state.x, lane * net.channels, net.channels,
        )  # fmt: skip


@compile_inner
def append(net: Network, state: State, feedback: Feedback, lane: int, sample: int) -> None:
    """Take the n-th ``sample`` of a call, which was drawn or forced."""
    order = feedback.coefficients.shape[2]
    excitation = decode(net, state.code[lane])
    gain = feedback.gains[lane, state.next_row[lane]]
    # Until now it has held the prediction.
    feedback.sound[lane, order + sample] += gain * excitation
    feedback.excitation[lane, feedback.known + sample] = _compress(excitation)
