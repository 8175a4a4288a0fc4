"""Linguistic features: phonemes in context with their positions, at frame rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.text import MARKS as MARKS

PAUSE = "_"
"""Symbol 0 of every voice: silence between units and beyond the ends."""
CONTEXT = 2
"""Neighbouring phonemes on either side (quinphones, as in the features of WaveNet §3.2)."""
HARMONICS = 4


def phone_channels(symbols: int) -> int:
    """C of `phone_features`."""
    return (2 * CONTEXT + 1) * symbols + 3 + 2 * HARMONICS + 2


def phone_features(words: Sequence[Sequence[int]], lengths: Sequence[int], symbols: int) -> Tensor:
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
    phones = torch.tensor([p for w in words for p in w])
    count, frames = len(phones), sum(lengths)
    if not phones.any():
        return _pause(frames, symbols)
    ends = torch.tensor(lengths, dtype=torch.float64).cumsum(0)
    starts = F.pad(ends[:-1], (1, 0))
    centre = torch.arange(frames) + 0.5
    at = torch.searchsorted(ends, centre.double()).clamp_(max=count - 1)  # (F,) phoneme index

    padded = F.pad(phones, (CONTEXT, CONTEXT))  # symbol 0 is the pause
    quin = torch.stack([padded[at + k] for k in range(2 * CONTEXT + 1)])  # (5, F)
    onehot = F.one_hot(quin, symbols).permute(0, 2, 1).reshape(-1, frames)

    word = torch.repeat_interleave(torch.arange(len(words)), torch.tensor([len(w) for w in words]))
    first = torch.searchsorted(word, torch.arange(len(words)))
    last = torch.searchsorted(word, torch.arange(len(words)), right=True) - 1
    begin, end = starts[first][word[at]], ends[last][word[at]]
    length = (ends - starts)[at]
    through = (centre - begin) / (end - begin)
    angles = through * math.pi / 2 * (2.0 ** torch.arange(HARMONICS))[:, None]
    places = torch.stack(
        [
            (centre - starts[at]) / length,
            length / 10,
            length / (end - begin),
            *angles.sin(),
            *angles.cos(),
            (centre - begin) / 100,
            (end - centre) / 100,
        ]
    )
    return torch.cat([onehot, places]).float()


def _pause(frames: int, symbols: int) -> Tensor:
    out = torch.zeros(phone_channels(symbols), frames)
    out[: (2 * CONTEXT + 1) * symbols : symbols] = 1
    return out
