"""Sampling in the `numba` engine: that of `wavegen.outputs`, compiled.

Without `max` and `min`, each kind of which numba would compile as a function of its own.
"""

from __future__ import annotations

import math

import numpy as np

from wavegen.compiling import compile_inner
from wavegen.generation.numba import simd
from wavegen.generation.numba.layout import Doubles, Floats, Network
from wavegen.generation.numba.state import State
from wavegen.outputs.bins import END, FLOOR, LEVELS, MEAN, NARROW, SCALE, WIDTH, Sampler


@compile_inner
def draw_code(net: Network, state: State, at: int, temperature: float, uniform: float) -> int:
    """`Categorical.sample`: the first code whose cumulative probability exceeds the uniform."""
    levels = net.levels
    best = 0
    for j in range(levels):
        if state.logits[at + j] > state.logits[at + best]:
            best = j
    if temperature == 0:
        return best
    top = state.logits[at + best]
    factor = np.float32(1 / (temperature if temperature > 1e-30 else 1e-30))
    simd.exponentials(state.logits, at, top, factor, state.probabilities, 0, net.padded_levels)
    total = 0.0
    for j in range(levels):
        total += state.probabilities[j]
        state.cumulative[j] = total
    code, end = 0, levels - 1
    while code < end:  # bisection
        middle = (code + end) // 2
        if state.cumulative[middle] > uniform * total:
            end = middle
        else:
            code = middle + 1
    return code


@compile_inner
def draw_amplitude(
    sampler: int,
    logits: Floats,
    at: int,
    components: int,
    temperature: float,
    uniform: float,
    known: Doubles,
) -> int:
    """`Mixture.sample`, by bisection of the codes; ``known`` is room for two values for each
    component."""
    sharpness = 1 / (temperature if temperature > 1e-30 else 1e-30)
    top = logits[at]
    for k in range(1, components):
        top = logits[at + k] if logits[at + k] > top else top
    total = 0.0
    for k in range(components):
        known[k] = math.exp((np.float64(logits[at + k]) - top) * sharpness)
        total += known[k]
    for k in range(components):
        known[k] /= total
        raw = np.float64(logits[at + 2 * components + k]) + SCALE - FLOOR
        soft = raw if raw > 20 else math.log1p(math.exp(raw))
        width = math.exp(FLOOR + soft) * temperature
        known[components + k] = width if width > NARROW else NARROW
    code, end = 0, LEVELS - 1
    while code < end:
        middle = (code + end) // 2
        edge = (middle - LEVELS // 2 + 0.5) * WIDTH
        below = 0.0
        for k in range(components):
            weight, width = known[k], known[components + k]
            z = (edge - np.float64(logits[at + components + k]) * MEAN) / width
            if sampler == Sampler.GAUSSIAN_MIXTURE:
                below += weight * 0.5 * math.erfc(-z / math.sqrt(2.0))
            elif z < 0:
                e = math.exp(z if z > -700.0 else -700.0)
                below += weight * e / (1 + e)
            else:
                below += weight / (1 + math.exp(-z))
        if below > uniform:
            end = middle
        else:
            code = middle + 1
    return code


@compile_inner
def is_over(odds: float, uniform: float) -> bool:
    """Whether `Mixture.sample` draws the end of the clip, from the head's output for it."""
    least = np.float64(odds) + END
    return uniform < 1 / (1 + math.exp(-least if least > -700.0 else 700.0))
