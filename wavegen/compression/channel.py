"""One channel, to code and back: range coding of each sample given those before it."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.adaptive_state import new_state as new_filters
from wavegen.compiled import Compiled
from wavegen.compression.container import Code
from wavegen.compression.state import new_mixture
from wavegen.generation.numba.layout import Network
from wavegen.generation.numba.state import new_state

Samples = NDArray[np.int16]
BLOCK = 4000
"""Samples between two reports of progress."""
PROBE = 256
"""Samples of the signal whose probabilities are compared between machines."""

_run = Compiled("wavegen.compression.loop", "run", "compression")
_find = Compiled("wavegen.compression.loop", "find", "decompression")
_cumulative = Compiled("wavegen.compression.loop", "cumulative", "decompression")


class Channel:
    """The distribution of a channel's next sample, from the first one on."""

    def __init__(self, net: Network) -> None:
        self.mixture = new_mixture(net.levels // 3)
        queues = new_state(net, 1)
        queues.code[0] = net.start
        queues.cond[:] = net.cond_bias
        self._state = net, queues, new_filters(), self.mixture
        _run(*self._state, *np.zeros((3, 0)))

    def run(self, samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Go through the next (n,) samples; the cumulative probabilities of the lower and the upper
        edge of each."""
        below, above = np.empty((2, len(samples)))
        _run(*self._state, samples.astype(np.float64), below, above)
        return below, above

    def stepper(self, sample: NDArray[np.float64]) -> Callable[[], int]:
        """A call that goes through the one sample that an array holds by then."""
        return _run.bind(*self._state, sample, *np.empty((2, 1)))


def encode(
    net: Network, samples: Samples, progress: Callable[[int], None] = lambda done: None
) -> Code:
    """The code of (T,) samples; progress is called with the number of new ones."""
    from constriction import stream

    low, high = (int(samples.min()), int(samples.max())) if len(samples) else (0, 0)
    known = stream.model.CustomModel(
        lambda edge, sample, below, above: below if edge < sample else above,
        lambda quantile, sample, below, above: sample,
        *_alphabet(low, high),
    )
    encoder, channel = stream.queue.RangeEncoder(), Channel(net)
    for begin in range(0, len(samples), BLOCK):
        piece = samples[begin : begin + BLOCK]
        below, above = channel.run(piece)
        encoder.encode(piece.astype(np.int32), known, piece.astype(np.float64), below, above)
        progress(len(piece))
    return Code(low, high, encoder.get_compressed())


def decode(
    net: Network, code: Code, count: int, progress: Callable[[int], None] = lambda done: None
) -> Samples:
    """The ``count`` samples of a code; any, if this machine finds other probabilities."""
    from constriction import stream

    out = np.zeros(count, np.int16)
    channel = Channel(net)
    sample, quantile, at, below, above = np.zeros((5, 1))
    low, high = _alphabet(code.low, code.high)
    step = channel.stepper(sample)
    search = _find.bind(channel.mixture, quantile, low, high, below, above)
    lookup = _cumulative.bind(channel.mixture, at)
    found = low

    def inverse(probability: float) -> float:
        nonlocal found
        quantile[0] = probability
        found = search()
        return found

    def cumulative(edge: float) -> float:
        if edge == found - 0.5:
            return float(below[0])
        if edge == found + 0.5:
            return float(above[0])
        at[0] = edge
        lookup()
        return float(at[0])

    decoder, model = (
        stream.queue.RangeDecoder(code.words),
        stream.model.CustomModel(cumulative, inverse, low, high),
    )
    for t in range(count):
        found = low - 2  # of no use yet
        sample[0] = out[t] = decoder.decode(model)
        step()
        if (t + 1) % BLOCK == 0:
            progress(BLOCK)
    progress(count % BLOCK)
    return out


def probe(net: Network) -> int:
    """CRC-32 of the probabilities of a fixed signal, noise that gets louder."""
    time = np.arange(PROBE, dtype=np.int64)
    noise = (time * 1103515245 + 12345) % 65536 - 32768
    parts = Channel(net).run((noise * time // PROBE).astype(np.int16))
    return zlib.crc32(np.concatenate(parts).astype("<f8").tobytes())


def _alphabet(low: int, high: int) -> tuple[int, int]:
    """The range for the coder, which takes two samples and more."""
    return (low, high) if low < high else (low - 1, high)
