"""Linguistic features: phonemes in context with their positions, at frame rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wavegen.text import MARKS as MARKS

PAUSE = "_"
"""Symbol 0 of every voice: silence between units and beyond the ends."""
CONTEXT = 2
"""Neighbouring phonemes on either side (quinphones, as in the features of WaveNet §3.2)."""
HARMONICS = 4


def phone_channels(symbols: int) -> int:
    """C of `phone_features`."""
    return (2 * CONTEXT + 1) * symbols + 3 + 2 * HARMONICS + 2


def phone_features(
    words: Sequence[Sequence[int]], lengths: Sequence[int], symbols: int
) -> NDArray[np.float32]:
    """Features of one utterance.

    Args:
        words: symbol indices of the phonemes of each word.
        lengths: frames of each phoneme, F in all.
        symbols: number of symbols of the voice.

    Returns:
        (C, F) float32: one-hot phonemes −2…+2; how far through the phoneme (0 to 1), its length
        (tens of frames) and its fraction of the word; sine and cosine harmonics of how far
        through the word; hundreds of frames since the word's start and to its end. A pause
        alone has the one-hot phonemes only.
    """
    phones = np.array([p for w in words for p in w])
    count, frames = len(phones), sum(lengths)
    if not phones.any():
        return _pause(frames, symbols)
    ends = np.cumsum(lengths, dtype=np.float64)
    starts = ends - lengths
    centre = np.arange(frames) + 0.5
    at = np.minimum(np.searchsorted(ends, centre), count - 1)  # (F,) phoneme index

    padded = np.pad(phones, CONTEXT)  # symbol 0 is the pause
    quin = np.stack([padded[at + k] for k in range(2 * CONTEXT + 1)])  # (5, F)
    onehot = (quin[:, None] == np.arange(symbols)[:, None]).reshape(-1, frames)

    word = np.repeat(np.arange(len(words)), [len(w) for w in words])
    first = np.searchsorted(word, np.arange(len(words)))
    last = np.searchsorted(word, np.arange(len(words)), side="right") - 1
    begin, end = starts[first][word[at]], ends[last][word[at]]
    length = (ends - starts)[at]
    through = (centre - begin) / (end - begin)
    angles = through * math.pi / 2 * (2.0 ** np.arange(HARMONICS))[:, None]
    places = np.stack(
        [
            (centre - starts[at]) / length,
            length / 10,
            length / (end - begin),
            *np.sin(angles),
            *np.cos(angles),
            (centre - begin) / 100,
            (end - centre) / 100,
        ]
    )
    return np.concatenate([onehot, places]).astype(np.float32)


def _pause(frames: int, symbols: int) -> NDArray[np.float32]:
    out = np.zeros((phone_channels(symbols), frames), np.float32)
    out[: (2 * CONTEXT + 1) * symbols : symbols] = 1
    return out
