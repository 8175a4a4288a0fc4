"""Faults of recordings, made in good ones. Recordings are (T,) float32 in [-1, 1]."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

FADE = 0.005
"""Seconds in which a piece is faded into a recording."""
CLICK = 0.3
"""Amplitude, by the recording's peak."""
TOP = 0.4
"""What is clipped, by the recording's peak."""
HUM_DB = -20.0
"""Level of the hum, by the recording's."""
KNOCK = (0.5, 200.0, 0.02)
"""Amplitude of a knock, by the recording's peak, its resonance in Hz, and the seconds in which it
falls to 1/e."""
BESIDE_DB = -10.0
"""Level of what is heard beside the recording, by the recording's."""
OTHER_SECONDS = 1.0
"""Of another recording, or a third of this one if that is less."""


def clicks(audio: Audio, rate: int, rng: np.random.Generator) -> Audio:
    """Three times, a sample up and the next one down."""
    out = audio.copy()
    for at in rng.integers(rate // 20, len(audio) - rate // 20, 3):
        out[at : at + 2] += CLICK * np.abs(audio).max() * rng.choice([-1, 1]) * np.array([1, -1])
    return np.clip(out, -1, 1)


def dropouts(audio: Audio, rate: int, rng: np.random.Generator) -> Audio:
    """Digital silence for 20 to 40 ms, twice, where it is not quiet already."""
    out, hop = audio.copy(), rate // 50
    power = np.square(audio[: len(audio) // hop * hop]).reshape(-1, hop).mean(1)
    loud = np.flatnonzero(power > power.max() / 100)[:-3] * hop
    for at in rng.choice(loud, 2):
        out[at : at + round(rng.uniform(0.02, 0.04) * rate)] = 0
    return out


def clipping(audio: Audio, rate: int, rng: np.random.Generator) -> Audio:
    """What is beyond `TOP` is cut off."""
    top = TOP * np.abs(audio).max()
    return np.clip(audio, -top, top)


def hum(audio: Audio, rate: int, rng: np.random.Generator) -> Audio:
    """50 Hz, with 100 and 150 Hz."""
    time = np.arange(len(audio)) / rate
    parts = ((50, 1.0), (100, 0.3), (150, 0.5))
    sound = np.sum([a * np.sin(2 * np.pi * (f * time + rng.uniform())) for f, a in parts], 0)
    sound *= level(audio) * 10 ** (HUM_DB / 20) / level(sound)
    out: Audio = np.clip(audio + sound, -1, 1).astype(np.float32)
    return out


def knock(audio: Audio, rate: int, rng: np.random.Generator) -> Audio:
    """Once, a resonance that dies away."""
    amplitude, pitch, decay = KNOCK
    time = np.arange(round(8 * decay * rate)) / rate
    sound = np.sin(2 * np.pi * pitch * time) * np.exp(-time / decay)
    out, at = audio.copy(), int(rng.integers(0, max(1, len(audio) - len(sound))))
    part = out[at : at + len(sound)]
    part += (amplitude * np.abs(audio).max() * sound[: len(part)]).astype(np.float32)
    return np.clip(out, -1, 1)


ALONE: dict[str, Callable[[Audio, int, np.random.Generator], Audio]] = {
    "clicks": clicks,
    "dropouts": dropouts,
    "clipping": clipping,
    "50 Hz hum": hum,
}
"""Faults that need nothing but the recording."""


def beside(audio: Audio, other: Audio, rate: int, rng: np.random.Generator) -> Audio:
    """A second of another recording, or all of it, is heard beside this one at `BESIDE_DB`."""
    count = min(round(OTHER_SECONDS * rate), len(audio), len(other))
    first = int(rng.integers(0, len(other) - count + 1))
    begin = int(rng.integers(0, len(audio) - count + 1))
    piece = other[first : first + count]
    gain = level(audio) * 10 ** (BESIDE_DB / 20) / level(piece)
    out = audio.copy()
    out[begin : begin + count] += piece * np.float32(gain)
    return np.clip(out, -1, 1)


def spliced(audio: Audio, other: Audio, rate: int, rng: np.random.Generator) -> Audio:
    """Something of another recording, at this one's level, in place of as much of it."""
    count = min(round(OTHER_SECONDS * rate), len(audio) // 3, len(other) // 2)
    begin = int(rng.integers(len(audio) // 8, len(audio) * 7 // 8 - count))
    first = int(
        rng.integers(len(other) // 8, max(len(other) // 8 + 1, len(other) * 7 // 8 - count))
    )
    piece = other[first : first + count]
    gain = level(audio) / level(piece)
    return replaced(audio, begin, begin + count, piece * np.float32(gain), rate)


def replaced(audio: Audio, begin: int, end: int, piece: Audio, rate: int) -> Audio:
    """A recording with another piece, of any length, in place of its samples ``begin…end``."""
    fade = min(round(FADE * rate), begin, len(audio) - end, len(piece) // 3)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    piece = piece.copy()
    piece[:fade] = piece[:fade] * ramp + audio[begin : begin + fade] * (1 - ramp)
    last = slice(len(piece) - fade, len(piece))
    piece[last] = piece[last] * (1 - ramp) + audio[end - fade : end] * ramp
    out: Audio = np.clip(np.concatenate([audio[:begin], piece, audio[end:]]), -1, 1)
    return out


def level(audio: NDArray[np.floating]) -> float:
    """Root mean square, and a little more, so that one may divide by it."""
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)) + 1e-12))
