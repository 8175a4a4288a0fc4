"""The compiled loop of `wavegen.audio.adaptive`.

Only additions, products, quotients and square roots of float64 are made here, one at a time and in
a fixed order: IEEE 754 defines each to the bit, so that every machine finds the same numbers.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.adaptive_state import (
    FAINTEST,
    FORGETTING,
    HEADROOM,
    INTERVAL,
    LEVELS,
    ORDER,
    RATE,
    RIDGE,
    STAGES,
    State,
)
from wavegen.audio.taps import INPUTS
from wavegen.compiling import compile_inner

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]


@compile_inner
def _squash(value: float) -> float:
    """An amplitude, compressed like its square root where it is large."""
    return math.copysign(math.sqrt(1.0 + 16.0 * abs(value)) - 1.0, value)


@compile_inner
def gain(s: State) -> float:
    """What the residual is divided by to give the excitation."""
    return HEADROOM * (float(s.levels[0]) + FAINTEST)


@compile_inner
def predict(s: State) -> float:
    """The next sample, in steps of 16 bits, as all filters together predict it."""
    total = 0.0
    for i in range(ORDER):
        total += s.filter[i] * s.past[i]
    s.outputs[0] = total
    first = 0
    for stage in range(len(STAGES)):
        value = 0.0
        for i in range(first, first + STAGES[stage]):
            value += s.weights[i] * s.residuals[i]
        s.outputs[1 + stage] = value
        total += value
        first += STAGES[stage]
    return total


@compile_inner
def describe(s: State, prediction: float, inputs: Floats, at: int) -> None:
    """Write what the network is given to predict the next sample: `INPUTS` numbers."""
    g = gain(s)
    inputs[at] = _squash(s.past[0] / g)
    inputs[at + 1] = _squash(prediction / g)
    inputs[at + 2] = _squash(HEADROOM * s.outputs[1] / g)
    inputs[at + 3] = _squash(HEADROOM * s.outputs[2] / g)
    inputs[at + 4] = math.sqrt(math.sqrt(g)) / 4.0
    inputs[at + 5] = _squash((s.levels[1] + FAINTEST) / g)
    inputs[at + 6] = _squash((s.levels[2] + FAINTEST) / g)
    inputs[at + 7] = _squash(s.past[1] / g)


@compile_inner
def update(s: State, sample: float, prediction: float) -> None:
    """Adapt to the sample that was predicted."""
    for i in range(ORDER):
        share = (1.0 - FORGETTING) * s.past[i]
        for j in range(i + 1):
            s.products[i * ORDER + j] = FORGETTING * s.products[i * ORDER + j] + share * s.past[j]
        s.wanted[i] = FORGETTING * s.wanted[i] + share * sample
    if s.clock[0] % INTERVAL == 0:
        _solve(s)
    s.clock[0] += 1
    rest, first = sample - s.outputs[0], 0
    for stage in range(len(STAGES)):
        taps = STAGES[stage]
        left = rest - s.outputs[1 + stage]
        step = RATE * left / (1.0 + s.energies[stage])
        oldest = s.residuals[first + taps - 1]
        for i in range(first, first + taps):
            s.weights[i] += step * s.residuals[i]
        for i in range(first + taps - 1, first, -1):
            s.residuals[i] = s.residuals[i - 1]
        s.residuals[first] = rest
        s.energies[stage] = max(s.energies[stage] + rest * rest - oldest * oldest, 0.0)
        rest = left
        first += taps
    size = abs(sample - prediction)
    for k in range(len(LEVELS)):
        s.levels[k] = LEVELS[k] * s.levels[k] + (1.0 - LEVELS[k]) * size
    for i in range(ORDER - 1, 0, -1):
        s.past[i] = s.past[i - 1]
    s.past[0] = sample


@compile_inner
def _solve(s: State) -> None:
    """The filter of least squares, by Cholesky's decomposition."""
    for j in range(ORDER):
        for i in range(j, ORDER):
            s.factor[j * ORDER + i] = s.products[i * ORDER + j]
        s.factor[j * ORDER + j] += RIDGE
    # Row j of the factor is column j of the triangle, so that inner loops run along memory.
    for j in range(ORDER):
        pivot = s.factor[j * ORDER + j]
        if not pivot > 0.0:  # by rounding alone: keep the last filter
            return
        scale = 1.0 / math.sqrt(pivot)
        for i in range(j, ORDER):
            s.factor[j * ORDER + i] *= scale
        for k in range(j + 1, ORDER):
            share = s.factor[j * ORDER + k]
            for i in range(k, ORDER):
                s.factor[k * ORDER + i] -= share * s.factor[j * ORDER + i]
    for i in range(ORDER):
        s.solution[i] = s.wanted[i]
    for j in range(ORDER):
        value = s.solution[j] / s.factor[j * ORDER + j]
        s.solution[j] = value
        for i in range(j + 1, ORDER):
            s.solution[i] -= s.factor[j * ORDER + i] * value
    for j in range(ORDER - 1, -1, -1):
        value = s.solution[j]
        for i in range(j + 1, ORDER):
            value -= s.factor[j * ORDER + i] * s.filter[i]
        s.filter[j] = value / s.factor[j * ORDER + j]


@compile_inner
def run(
    s: State,
    samples: Doubles,
    known: int,
    excitation: Doubles,
    gains: Doubles,
    inputs: Floats,
) -> int:
    """Predict (known + n,) ``samples`` one after the other; (n,) ``excitation``, (n,) ``gains`` and
    (n · INPUTS,) ``inputs`` are written for those after the first ``known``."""
    for t in range(len(samples)):
        prediction = predict(s)
        if t >= known:
            describe(s, prediction, inputs, (t - known) * INPUTS)
            gains[t - known] = gain(s)
            excitation[t - known] = (samples[t] - prediction) / gains[t - known]
        update(s, samples[t], prediction)
    return len(samples)
