"""What limits a lone utterance in the `numba` engine: how fast a core reads the weights."""

from __future__ import annotations

import itertools
import time

import numpy as np

from wavegen.compiled import Compiled
from wavegen.config import WeightPrecision
from wavegen.generation.numba.layout import PANEL
from wavegen.generation.numba.packing import pack
from wavegen.generation.numba.state import AHEAD
from wavegen.model.weights import Network

SECONDS = 0.1
"""Duration of one measurement."""


def bytes_per_sample(network: Network, precision: WeightPrecision) -> int:
    """Weights read for a sample of a lone utterance; conditioning, read once a row, is left out."""
    net = pack(network, 1, precision)
    m = net.matrices
    read = m.entries[:, 3:5].prod(1) * (m.weights.itemsize / m.per_element)
    conditioning = len(net.dilations) * (net.kernel + 1) + 3
    read[conditioning] = 0
    begins = [*(net.stacks.matrix - net.stacks.convolution), len(read)]
    for pool, (begin, end) in zip(net.stacks.pool, itertools.pairwise(begins), strict=True):
        read[begin:end] /= pool
    for layer, dilation in enumerate(net.dilations):
        first = layer * (net.kernel + 1)
        if dilation % AHEAD == 0:
            read[first : first + net.kernel - 1] /= AHEAD
    read[(len(net.dilations) - 1) * (net.kernel + 1) + net.kernel] = 0  # the last residual
    return int(read.sum())


def read_rate(nbytes: int) -> float:
    """Bytes per second that one thread reads from a buffer of that size, again and again."""
    buffer = np.ones(nbytes // 4 // PANEL * PANEL, np.float32)
    out = np.zeros(PANEL, np.float32)
    _compiled_read(buffer, out, 10)
    start = time.perf_counter()
    times = 0
    while (took := time.perf_counter() - start) < SECONDS:
        _compiled_read(buffer, out, 10)
        times += 10
    return times * buffer.nbytes / took


_compiled_read = Compiled("wavegen.generation.numba.reading", "read", "a loop that reads")
