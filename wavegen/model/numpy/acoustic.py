"""`wavegen.model.acoustic` for one utterance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wavegen.model.numpy.flow import sample
from wavegen.model.numpy.layers import Floats, convolve, normalise, relu
from wavegen.model.weights import Weights
from wavegen.products import product

ENCODER, RHYTHM, MELODY, DECODER = (1, 1, 1, 2), (1, 1), (1, 2, 4), (1, 2, 4, 1, 2)
"""Dilations of the blocks."""
STATES = 3
"""Parts of a phoneme, such as the closure, burst and breath of a stop."""
PLACES = 11
"""Channels that encode the position of a frame in its phoneme and its states."""
PITCH_STEPS, MEL_STEPS = 4, 4
"""Steps in which F0 and the spectrogram are drawn."""
SLOW = 32
"""Frames over which the noise is averaged that F0 is drawn from."""


@dataclass(frozen=True)
class Phones:
    """Phonemes of an utterance."""

    symbols: NDArray[np.int64]
    """(N,) indices."""
    starts: NDArray[np.int64]
    """(N,) 1 where a word begins, else 0."""
    speaker: Floats
    """Weights of the S speakers, (1, S) or, for each phoneme, (N, S)."""

    @classmethod
    def of(cls, words: Sequence[Sequence[int]], speaker: Floats) -> Phones:
        """Those of words of symbols."""
        symbols = [s for word in words for s in word]
        starts = [int(i == 0) for word in words for i in range(len(word))]
        return cls(np.array(symbols), np.array(starts), speaker)


def encode(w: Weights, phones: Phones) -> Floats:
    """`PhoneEncoder.forward`: (N, channels)."""
    who = product(phones.speaker, w["speaker.weight"])
    x = w["symbol.weight"][phones.symbols] + w["start.weight"][phones.starts] + who
    return blocks(w.part("blocks"), x, ENCODER)


def repeat(w: Weights, encoded: Floats, lengths: Floats) -> Floats:
    """`PhoneEncoder.frames`: (N, channels), and the (N, 3) frames of each one's states, to
    (F, channels)."""
    whole = lengths.sum(1).round()
    ends = whole.cumsum()
    centre = np.arange(int(ends[-1]), dtype=np.float32) + np.float32(0.5)
    at = np.repeat(np.arange(len(whole)), whole.astype(int))
    size = whole[at]
    since = centre - (ends - whole)[at]
    through, left = since / size, size - since
    places = [through, through**2, np.minimum(since, 20) / 10, np.minimum(left, 20) / 10]
    places += [np.minimum(size, 40) / 20, np.sin(through * np.float32(np.pi))]
    first, second, third = lengths[at].T
    past = since - first, since - first - second  # frames since the second and third state
    places += [p.clip(-10, 10) / 5 for p in past]
    places += [p.clip(-0.5, 0.5) for p in past]  # the part of the frame that lies in them
    begin = np.where(past[1] > 0, past[1], np.where(past[0] > 0, past[0], since))
    state = np.where(past[1] > 0, third, np.where(past[0] > 0, second, first))
    places += [(begin / np.maximum(state, 0.5)).clip(0, 1)]
    out: Floats = encoded[at] + convolve(w.part("place"), np.stack(places, 1))
    return out


def durations(w: Weights, encoded: Floats) -> tuple[Floats, Floats]:
    """`Prosody.durations`: (N, channels) to (N,), the log of one more than the frames of each
    phoneme, and to (N, 3), the log of its states' shares of them."""
    out = convolve(w.part("length"), blocks(w.part("rhythm"), encoded, RHYTHM))
    shares = out[:, 1:] - out[:, 1:].max(1, keepdims=True)
    return out[:, 0], shares - np.log(np.exp(shares).sum(1, keepdims=True))


def melodies(w: Weights, frames: Floats) -> tuple[Floats, Floats, Floats]:
    """`Prosody.melodies`: (F, channels) to the logit of voicing and the average F0, both (F,), and
    what `draw_pitch` needs to know, (F, channels)."""
    hidden = blocks(w.part("melody"), frames, MELODY)
    voiced, octaves = convolve(w.part("pitch"), hidden).T
    return voiced, octaves, hidden


def draw_pitch(
    w: Weights, octaves: Floats, hidden: Floats, voicing: Floats, noise: Floats
) -> Floats:
    """`Prosody.draw`: F0 of (F,), from the first two of `melodies`, (F,) voicing and noise."""
    where = voicing[:, None]
    condition = np.concatenate([hidden, where], 1)
    drawn = sample(w.part("pitch_flow"), noise[:, None], condition, where, PITCH_STEPS)[:, 0]
    out: Floats = (octaves + drawn * w["pitch_spread"]) * voicing
    return out


def average_mel(
    w: Weights, frames: Floats, voicing: Floats, octaves: Floats
) -> tuple[Floats, Floats]:
    """`Spectrum.average`: (F, channels), (F,) and (F,) to the average spectrogram, (F, mels), and
    what `draw_mel` needs to know, (F, channels)."""
    tone = convolve(w.part("tone"), np.stack([voicing, octaves], 1))
    hidden = blocks(w.part("decoder"), frames + tone, DECODER)
    return convolve(w.part("mel"), hidden), hidden


def draw_mel(w: Weights, mel: Floats, hidden: Floats) -> Floats:
    """`Spectrum.draw`: (F, mels), from what `average_mel` gives."""
    where = np.ones((len(mel), 1), np.float32)
    drawn = sample(w.part("mel_flow"), np.zeros_like(mel), hidden, where, MEL_STEPS)
    out: Floats = mel + drawn * w["mel_spread"][:, 0]
    return out


def slow_noise(noise: Floats) -> Floats:
    """`acoustic.slow_noise`: (F + SLOW − 1,) to (F,)."""
    window = np.sin(np.pi * np.arange(SLOW) / SLOW) ** 2
    kernel = window / np.sqrt(np.square(window).sum())
    return np.convolve(noise, kernel[::-1], "valid").astype(np.float32)


def blocks(w: Weights, x: Floats, dilations: Sequence[int]) -> Floats:
    """Residual convolutions over (T, C)."""
    convs, norms = w.parts("convs"), w.parts("norms")
    for conv, norm, dilation in zip(convs, norms, dilations, strict=True):
        y = normalise(relu(convolve(conv, x, dilation)))
        x = x + y * norm["weight"] + norm["bias"]
    return x
