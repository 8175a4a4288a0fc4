"""How loud a sound is to people."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

BLOCK, STEP = 0.4, 0.1
"""Seconds of one block, and from one to the next."""
FAINTEST = -70.0
"""LUFS; fainter blocks don't count, nor those more than `GATE` below the mean of the others."""
GATE = 10.0


def loudness(audio: NDArray[np.float32], rate: int) -> float:
    """Loudness in LUFS, after ITU-R BS.1770-4; -inf where no block counts.

    Args:
        audio: (T,) mono, at least one block.
        rate: Hz.
    """
    size, step = round(BLOCK * rate), round(STEP * rate)
    blocks = np.lib.stride_tricks.sliding_window_view(_weighted(audio, rate), size)[::step]
    power = np.square(blocks).mean(1)
    power = power[power > _power(FAINTEST)]
    if not len(power):
        return -math.inf
    power = power[power > power.mean() * 10 ** (-GATE / 10)]
    return float(-0.691 + 10 * np.log10(power.mean()))


def _power(level: float) -> float:
    """Mean square of a loudness in LUFS."""
    return float(10 ** ((level + 0.691) / 10))


def _weighted(audio: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Sound as it is heard ("K-weighting"): the head lifts frequencies above 1.5 kHz by 4 dB, and
    those below 38 Hz fall off.

    The filters are those of R. Bristow-Johnson's audio EQ cookbook, applied to the spectrum; the
    padding holds the end of their response.
    """
    count = len(audio) + rate // 4
    z = np.exp(-2j * np.pi * np.arange(count // 2 + 1) / count)
    shelf = 10 ** (4.0 / 40)
    cos, alpha = _cookbook(1500.0 / rate, 1 / math.sqrt(2))
    a, b, c = shelf + 1, (shelf - 1) * cos, 2 * math.sqrt(shelf) * alpha
    treble = shelf * np.polyval([a + b - c, -2 * (shelf - 1 + a * cos), a + b + c], z)
    treble /= np.polyval([a - b - c, 2 * (shelf - 1 - a * cos), a - b + c], z)
    cos, alpha = _cookbook(38.0 / rate, 0.5)
    rumble = np.polyval([(1 + cos) / 2, -1 - cos, (1 + cos) / 2], z)
    rumble /= np.polyval([1 - alpha, -2 * cos, 1 + alpha], z)
    spectrum = np.fft.rfft(audio.astype(np.float64), count)
    out: NDArray[np.float64] = np.fft.irfft(spectrum * treble * rumble, count)[: len(audio)]
    return out


def _cookbook(frequency: float, q: float) -> tuple[float, float]:
    """cos ω and α of a filter at a frequency in cycles per sample."""
    omega = 2 * math.pi * frequency
    return math.cos(omega), math.sin(omega) / (2 * q)
