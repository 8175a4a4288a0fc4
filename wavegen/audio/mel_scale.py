"""What mel spectrograms (`wavegen.audio.features.mel`) are made of."""

from __future__ import annotations

import functools
import math
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

CEPSTRA = 13
"""Cepstral coefficients of `features.mfcc`, without their differences."""
QUIET = 1e-5
"""Magnitude below which a mel band counts as silent."""
Floats = NDArray[np.float32]
A = TypeVar("A")


def scaled(logarithm: A) -> A:
    """Logarithms of magnitudes, as numbers of about −2…2."""
    return cast(A, (logarithm + 5) / 3)  # type: ignore[operator]


def logarithm(mel: A) -> A:
    """The inverse of `scaled`."""
    return cast(A, mel * 3 - 5)  # type: ignore[operator]


def mel_silence() -> float:
    """The value of a mel spectrogram in digital silence."""
    return scaled(math.log(QUIET))


@functools.cache
def mel_bank(sample_rate: int, hop_length: int, channels: int) -> Floats:
    """(N, M) triangular filters from 0 Hz to half the sample rate, on Slaney's mel scale, each of
    area 1 (as in Slaney's Auditory Toolbox, 1998, and torchaudio).

    N is that of a Fourier transform of four hops, rounded up to a power of two, or of a longer one
    where the lowest bands would fall between the bins.
    """
    highest = sample_rate // 2
    step, bend = 200 / 3, 1000.0  # Hz: linear up to 1 kHz, then 27 bands for a factor of 6.4
    rate = 27 / math.log(6.4)
    top = bend / step + rate * math.log(max(highest, bend) / bend)
    top = min(top, highest / step)
    mels = np.linspace(0, top, channels + 2)
    above = bend * np.exp(np.maximum(mels - bend / step, 0) / rate)
    edges = np.where(mels < bend / step, mels * step, above)
    size = 1 << (4 * hop_length - 1).bit_length()
    while True:
        bins = np.linspace(0, highest, size // 2 + 1)[:, None]
        rising = (bins - edges[:-2]) / np.diff(edges[:-1])
        falling = (edges[2:] - bins) / np.diff(edges[1:])
        bank = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
        if (bank.max(0) > 0).all():
            found: Floats = bank.astype(np.float32)
            return found
        size *= 2
