"""The inputs of linear prediction in the `numba` engine, from the samples as they are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from wavegen.audio.linear_prediction import COMPRESSION, INPUTS, TAPS, Predictor, compress
from wavegen.compiled import compile_inner
from wavegen.generation.numba import simd
from wavegen.generation.numba.layout import Floats, Integers, Network
from wavegen.generation.numba.state import State
from wavegen.outputs import Sampler
from wavegen.outputs.mixture import LEVELS

Doubles = NDArray[np.float64]


class Feedback(NamedTuple):
    """What one call of the compiled step for n samples of N utterances reads and writes of linear
    prediction; empty for a network without."""

    coefficients: Doubles
    """(N, F, K) filters of the frame before the first that begins in this call, and of F - 1 more.
    """
    gains: Doubles
    """(N, F)."""
    lags: Integers
    """(N, F)."""
    sound: Doubles
    """(N, K + n): the last K samples, and those drawn."""
    excitation: Doubles
    """(N, P + n), compressed: the last P samples, as many as all lags need, and those drawn."""
    known: int
    """P."""
    inputs: Floats
    """(N · INPUTS,) scratch space."""


class Past:
    """What linear prediction needs of one utterance's past.

    Args:
        predictor: of the utterance.
        excitation: (N,) float64, from `prompt_sound`.
        sound: (N,) float64.
    """

    def __init__(self, predictor: Predictor, excitation: Tensor, sound: Tensor) -> None:
        self.coefficients: Doubles = predictor.coefficients.double().numpy()
        self.gains: Doubles = predictor.gains.double().numpy()
        self.lags: Integers = predictor.lags.numpy()
        self.sound = _last(sound.numpy(), predictor.order)
        self.excitation = _last(compress(excitation).numpy(), int(predictor.lags.max()) + TAPS // 2)

    def keep(self, feedback: Feedback, lane: int, count: int) -> None:
        """Remember what a call that drew ``count`` samples has left in a lane."""
        drawn = len(self.sound) + count
        self.sound = _last(feedback.sound[lane, :drawn], len(self.sound))
        drawn = feedback.known + count
        self.excitation = _last(feedback.excitation[lane, :drawn], len(self.excitation))


def gather(pasts: Sequence[tuple[int, Past]], frames: int, count: int) -> Feedback:
    """The feedback of a call.

    Args:
        pasts: of each utterance, the first of its frames (see `Feedback.coefficients`), and its
            past.
        frames: F.
        count: n.
    """
    size = len(pasts)
    order = max((len(p.sound) for _, p in pasts), default=0)
    known = max((len(p.excitation) for _, p in pasts), default=0)
    out = Feedback(
        np.empty((size, frames, order)),
        np.empty((size, frames)),
        np.empty((size, frames), np.int64),
        np.empty((size, order + count)),
        np.zeros((size, known + count)),
        known,
        np.empty(size * INPUTS, np.float32),
    )
    for lane, (first, past) in enumerate(pasts):
        at = np.arange(first, first + frames).clip(0, len(past.gains) - 1)
        out.coefficients[lane] = past.coefficients[at]
        out.gains[lane] = past.gains[at]
        out.lags[lane] = past.lags[at]
        out.sound[lane, :order] = past.sound
        out.excitation[lane, known - len(past.excitation) : known] = past.excitation
    return out


def _last(values: Doubles, count: int) -> Doubles:
    """A copy of the last ``count`` of (N,) values, after zeros if there are fewer."""
    known = values[max(0, len(values) - count) :]
    return np.append(np.zeros(count - len(known)), known)


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
    simd.multiply(
        net.given, 0, net.given, 0, feedback.inputs, 0, INPUTS, INPUTS,
        state.x, 0, net.channels, net.channels, lanes, 0,
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
