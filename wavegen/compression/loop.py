"""The compiled loop of compression: sample by sample, the distribution of the next one.

The two sides of a transmission must find the same probabilities to the bit. Products of the
network are exact sums of integers, or float32 in one fixed order; everything else is float64,
rounded after each operation as IEEE 754 has it, without any function of a library; and what the
coder gets, the cumulative distribution, is an integer, which grows with the sample by construction.
"""

from __future__ import annotations

import math

from wavegen.audio import adaptive_loop
from wavegen.audio.adaptive_state import FAINTEST, State
from wavegen.audio.taps import INPUTS
from wavegen.compiling import compile_inner
from wavegen.compression.state import (
    BOUND,
    CELL_BITS,
    CELLS,
    RENEWAL,
    SCALES,
    UNIT_BITS,
    WEIGHT_BITS,
    Mixture,
)
from wavegen.generation.numba import products
from wavegen.generation.numba.layout import Doubles, Network
from wavegen.generation.numba.readout import add_skips, readout
from wavegen.generation.numba.state import State as Queues
from wavegen.generation.numba.step import blocks, embed, past_taps
from wavegen.outputs.bins import FLOOR, LEVELS, MEAN, SCALE


@compile_inner
def _exp(x: float) -> float:
    """e^x by Taylor's series of a 1024th of it, squared ten times; x is clamped to ±40."""
    r = min(max(x, -40.0), 40.0) / 1024.0
    value = 1.0 + r / 8.0
    for k in range(7, 0, -1):
        value = 1.0 + r / float(k) * value
    for _ in range(10):
        value = value * value
    return value


@compile_inner
def _fill(mixture: Mixture) -> None:
    unit = float(1 << UNIT_BITS)
    for i in range(len(mixture.table)):
        x = float(i - BOUND * CELLS) / float(CELLS)
        mixture.table[i] = int(unit / (1.0 + _exp(-x)))
    mixture.table[0] = 0
    mixture.table[len(mixture.table) - 1] = 1 << UNIT_BITS


@compile_inner
def _below(mixture: Mixture, i: int, edge: float) -> int:
    """The probability that distribution ``i`` gives to what lies below an edge."""
    z = (edge - mixture.means[i]) * mixture.sharpness[i]
    if z <= -float(BOUND):
        return 0
    if z >= float(BOUND):
        return 1 << UNIT_BITS
    place = int((z + float(BOUND)) * float(CELLS << CELL_BITS))
    cell, rest = place >> CELL_BITS, place & ((1 << CELL_BITS) - 1)
    start = mixture.table[cell]
    return int(start + ((mixture.table[cell + 1] - start) * rest >> CELL_BITS))


@compile_inner
def _cumulative(mixture: Mixture, edge: float) -> float:
    """The probability of what lies below an edge."""
    below = 0
    for i in range(len(mixture.means)):
        below += mixture.weights[i] * _below(mixture, i, edge)
    return float(below) / (float(mixture.total[0]) * float(1 << UNIT_BITS))


@compile_inner
def _prepare(net: Network, queues: Queues, filters: State, mixture: Mixture) -> None:
    """Find the distribution of the next sample."""
    prediction = adaptive_loop.predict(filters)
    mixture.prediction[0] = prediction
    adaptive_loop.describe(filters, prediction, mixture.inputs, 0)
    clock = queues.clock[0]
    past_taps(net, queues, 1, clock, 0)
    embed(net, queues, 0, 0)
    products.add(net.given, mixture.inputs, 0, INPUTS, queues.x, 0, net.channels)
    blocks(net, queues, 1, clock, -1)
    add_skips(net, queues, 1, 0, len(net.dilations))
    readout(net, queues, 1)
    queues.clock[0] = clock + 1
    _mix(queues, filters, mixture)


@compile_inner
def _mix(queues: Queues, filters: State, mixture: Mixture) -> None:
    """Mix the network's distribution with those around the prediction."""
    known, components = len(SCALES), len(mixture.parts)
    prediction, gain = mixture.prediction[0], adaptive_loop.gain(filters)
    logits = queues.logits
    top = logits[0]
    for k in range(1, components):
        top = max(top, logits[k])
    total = 0.0
    for k in range(components):
        mixture.parts[k] = _exp(float(logits[k]) - float(top))
        total += mixture.parts[k]
        mean = float(logits[components + k]) * MEAN
        scale = _exp(FLOOR) * (1.0 + _exp(float(logits[2 * components + k]) + (SCALE - FLOOR)))
        mixture.means[known + k] = prediction + gain * mean
        mixture.sharpness[known + k] = 1.0 / (gain * scale)
    unit, whole = float(1 << WEIGHT_BITS), 0
    for i in range(known):
        size = filters.levels[0] + FAINTEST
        mixture.means[i] = prediction
        mixture.sharpness[i] = 1.0 / (SCALES[i] * size)
        mixture.weights[i] = 1 + int(unit * mixture.shares[i])
        whole += mixture.weights[i]
    for k in range(components):
        mixture.parts[k] /= total
        mixture.weights[known + k] = int(unit * mixture.shares[known] * mixture.parts[k])
        whole += mixture.weights[known + k]
    mixture.total[0] = whole


@compile_inner
def _learn(queues: Queues, filters: State, mixture: Mixture, sample: float) -> None:
    """Adapt weights and filters to the sample, which becomes the network's last one."""
    known, components = len(SCALES), len(mixture.parts)
    least = 1.0 / float(1 << 24)
    unit = 1.0 / float(1 << UNIT_BITS)
    total, own = 0.0, 0.0
    for i in range(known + components):
        mass = _below(mixture, i, sample + 0.5) - _below(mixture, i, sample - 0.5)
        likelihood = float(mass) * unit
        if i < known:
            mixture.likelihoods[i] = mixture.shares[i] * (likelihood + least)
            total += mixture.likelihoods[i]
        else:
            own += mixture.parts[i - known] * likelihood
    mixture.likelihoods[known] = mixture.shares[known] * (own + least)
    total += mixture.likelihoods[known]
    new = RENEWAL / float(known + 1)
    for i in range(known + 1):
        mixture.shares[i] = (1.0 - RENEWAL) * (mixture.likelihoods[i] / total) + new
    half = LEVELS // 2
    excitation = (sample - mixture.prediction[0]) / adaptive_loop.gain(filters)
    code = math.floor(min(max(excitation, -1.0), 1.0) * float(half) + 0.5) + half
    queues.code[0] = min(max(code, 0), LEVELS - 1)
    adaptive_loop.update(filters, sample, mixture.prediction[0])


@compile_inner
def run(
    net: Network,
    queues: Queues,
    filters: State,
    mixture: Mixture,
    samples: Doubles,
    below: Doubles,
    above: Doubles,
) -> int:
    """Take (n,) samples one after the other, and leave the distribution of the one after them.

    The first call, with no samples, prepares that of the first one. ``below`` and ``above`` are
    filled with the cumulative probabilities of each sample's lower and upper edge.
    """
    if not mixture.ready[0]:
        _fill(mixture)
        _prepare(net, queues, filters, mixture)
        mixture.ready[0] = 1
    for t in range(len(samples)):
        below[t] = _cumulative(mixture, samples[t] - 0.5)
        above[t] = _cumulative(mixture, samples[t] + 0.5)
        _learn(queues, filters, mixture, samples[t])
        _prepare(net, queues, filters, mixture)
    return len(samples)


@compile_inner
def find(
    mixture: Mixture, quantile: Doubles, low: int, high: int, below: Doubles, above: Doubles
) -> int:
    """The sample from ``low`` to ``high`` at a (1,) quantile, and the cumulative probabilities of
    its edges."""
    while low < high:
        middle = (low + high) >> 1
        if _cumulative(mixture, middle + 0.5) > quantile[0]:
            high = middle
        else:
            low = middle + 1
    below[0] = _cumulative(mixture, low - 0.5)
    above[0] = _cumulative(mixture, low + 0.5)
    return low


@compile_inner
def cumulative(mixture: Mixture, edge: Doubles) -> int:
    """Replace a (1,) edge by the probability of what lies below it."""
    edge[0] = _cumulative(mixture, edge[0])
    return 0
