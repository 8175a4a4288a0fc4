"""What a recording itself tells of its faults, beside the likelihood that a network gives it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Values = NDArray[np.floating]

STEPS = 32768
"""16-bit steps of a sample of 1."""
AROUND = 7
"""Frames whose median is what is usual around one of them."""
CLICK = 0.00025
"""Seconds that a click lasts."""
BESIDE_CLICK = (0.0003, 0.002)
"""Seconds before and after it in which it is compared with what is beside it."""
BACKGROUND = (1.0, 10)
"""Seconds around a frame, and the percentile of the level in them that counts as background."""
MERGED = 4
"""Bands of the spectrum that make one of the background."""
TONE = 0.5
"""Seconds of the windows that resolve tones."""
TONES = (30.0, 400.0, 10.0)
"""Hz between which steady tones are looked for, and of the bands that each count as one."""
BESIDE = 30.0
"""Hz to either side that a tone is compared with."""
PASSING = 20
"""Percentile of a tone's level over time that is steady; the rest passes, as speech does."""


def measure(
    audio: NDArray[np.float32], rate: int, edges: NDArray[np.int64], spectrum: Values
) -> dict[str, Values]:
    """The tracks of a recording of F frames.

    Args:
        audio: (T,).
        rate: Hz.
        edges: (F,) first sample of each frame.
        spectrum: (F, M) log-mel spectrogram.
    """
    frame = float(edges[1] / rate) if len(edges) > 1 else len(audio) / rate
    steady = tones(audio, rate)
    return {
        "spectrum": spectrum,
        "background": background(spectrum, frame),
        "repeats": repeats(audio, edges),
        "tones": np.broadcast_to(steady, (len(edges), len(steady))),
    }


def sharpness(audio: NDArray[np.float32], rate: int, edges: NDArray[np.int64]) -> Doubles:
    """(F,) how far the sharpest `CLICK` of each frame stands out: log₂ of the power of its third
    differences, over that of what is beside it, or of the frames around where that is more.
    Differences are a fixed prediction, which takes from the sound what changes slowly (as in the
    detection of clicks on old records; Vaseghi and Rayner 1990). What the vocal folds or a plosive
    set off rings on for some milliseconds, and a click is over at once.

    Args:
        audio: (T,).
        rate: Hz.
        edges: (F,) first sample of each frame.
    """
    from scipy.ndimage import convolve1d, median_filter, uniform_filter1d

    power = np.diff(audio.astype(np.float64) * STEPS, 3, prepend=[0.0] * 3) ** 2
    width = max(1, round(CLICK * rate))
    near, far = (round(seconds * rate) for seconds in BESIDE_CLICK)
    near += width // 2
    sides = np.ones(2 * max(far, near + 1) + 1)
    middle = len(sides) // 2
    sides[middle - near : middle + near + 1] = 0
    beside = convolve1d(power, sides / sides.sum(), mode="nearest")
    count = np.diff(edges, append=len(power))
    around = median_filter(np.add.reduceat(power, edges) / count, AROUND, mode="nearest")
    high = uniform_filter1d(power, width, mode="nearest")
    ratio = (high + 1) / (np.maximum(beside, np.repeat(around, count)) + 1)
    out: Doubles = np.log2(np.maximum.reduceat(ratio, edges))
    return out


def ending(values: Doubles, width: int) -> Doubles:
    """(T,) means of ``width`` values, or of one at least, by the last of them: what begins in a
    frame doesn't show in the frame before."""
    from scipy.ndimage import uniform_filter1d

    width = max(1, width)
    out: Doubles = uniform_filter1d(values, width, origin=(width - 1) // 2, mode="nearest")
    return out


def repeats(audio: NDArray[np.float32], edges: NDArray[np.int64]) -> Doubles:
    """(F,) of the longest run of equal samples that ends in each frame, log₂ of the bits that it
    would cost noise that changes as fast as the sound around: many where a sound drops out or is
    clipped.

    Args:
        audio: (T,).
        edges: (F,) first sample of each frame.
    """
    from scipy.ndimage import median_filter

    change = np.diff(np.round(audio.astype(np.float64) * STEPS), prepend=0.0)
    power = np.add.reduceat(change**2, edges) / np.diff(edges, append=len(change))
    around = np.sqrt(median_filter(power, AROUND, mode="nearest"))
    number = np.arange(len(change))
    run = number - np.maximum.accumulate(np.where(change != 0, number, 0))
    out: Doubles = np.log2(1 + np.maximum.reduceat(run, edges) * np.log2(1 + around))
    return out


def tones(audio: NDArray[np.float32], rate: int) -> Doubles:
    """(N,) how far the tones that are always there rise above what is beside them, in dB, in bands
    of low frequencies: mains hum does.

    Args:
        audio: (T,).
        rate: Hz.
    """
    from scipy.ndimage import median_filter

    size = round(TONE * rate)
    padded = np.pad(audio, (0, max(0, size - len(audio))))
    starts = range(0, len(padded) - size + 1, max(1, size // 8))
    window = np.hanning(size)
    spectra = (np.fft.rfft(padded[s : s + size] * window) for s in starts)
    low, high, band = (round(f * TONE) for f in TONES)
    beside = round(BESIDE * TONE)
    power = np.stack([np.abs(s[: high + beside]) ** 2 for s in spectra])
    steady = 10 * np.log10(np.percentile(power, PASSING, 0) + 1e-6)
    above = (steady - median_filter(steady, 2 * beside + 1, mode="nearest"))[low:high]
    out: Doubles = np.maximum.reduceat(above, np.arange(0, len(above), band))
    return out


def background(spectrum: Values, frame: float) -> Values:
    """(F, D') level of what is always there, of some bands together: a low percentile over time,
    which speech with its pauses doesn't raise (as in minimum statistics; Martin 2001).

    Args:
        spectrum: (F, D).
        frame: seconds of each.
    """
    from scipy.ndimage import percentile_filter

    seconds, percentile = BACKGROUND
    merged = min(MERGED, spectrum.shape[1])
    some = spectrum[:, : spectrum.shape[1] // merged * merged]
    bands = some.reshape(len(spectrum), -1, merged).mean(2)
    frames = min(round(seconds / frame), len(bands))
    low: Values = percentile_filter(bands, percentile, size=(frames, 1), mode="nearest")
    return low
