"""How well the words of a text fit a recording, by the voice's content model or its aligner.

The goodness of a pronunciation is its likelihood beside that of what else might have been said
(Witt and Young 2000). A phoneme by itself is often mistaken for another. A word seldom is: those
that a voice knows are far fewer than the strings of phonemes, so that what else might have been
said is here each of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from wavegen.audio.features import mel
from wavegen.model.numpy.acoustic import STATES
from wavegen.speech.alignment import SILENCE, Alignment
from wavegen.speech.frontend import read_clip, symbol_ids
from wavegen.voice import SpeakingVoice

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Lexicon:
    """How all words are said that a voice has learned from."""

    symbols: NDArray[np.int64]
    """Of one word after the other."""
    ends: NDArray[np.int64]
    """(W,) of each."""

    @classmethod
    def of(cls, voice: SpeakingVoice) -> Lexicon:
        """Those of a voice, each of them once."""
        units = (read_clip(w, voice.config.data.language) for w in voice.words)
        read = [symbol_ids(u, voice.symbols) for u in units if u is not None]
        silent = voice.aligner.silent
        said = {tuple(s for s in word if s >= silent) for words in read for word in words}
        words = sorted(said - {()})
        ends = np.cumsum([len(w) for w in words], dtype=np.int64)
        return cls(np.array([s for w in words for s in w], np.int64), ends)


class Fit(NamedTuple):
    """How well a text fits the F frames of a recording."""

    misfit: Doubles
    """(F,) log p(frame | the likeliest phoneme) − log p(frame | its phoneme), 0 at best."""
    rivals: Doubles
    """(F,) how much better words fit than the one that is said: the sum of the log likelihood
    ratios of all that do. 0 in silence."""


@torch.inference_mode()
def fit(
    voice: SpeakingVoice,
    audio: torch.Tensor,
    speaker: torch.Tensor,
    alignment: Alignment,
    lexicon: Lexicon,
) -> Fit:
    """How well an aligned text fits a recording.

    Args:
        voice: the voice.
        audio: (T,) float32 at its rate.
        speaker: (S,) weights of the speakers.
        alignment: of the recording.
        lexicon: of the voice.
    """
    ratio = voice.config.hop_length / voice.aligner.hop(voice.sample_rate)
    scores, silent = _scores(voice, audio, speaker, ratio), voice.aligner.silent
    symbols = np.array([s for word in alignment.words for s in word])
    symbols[symbols < silent] = 0  # marks are silence
    return Fit(
        _misfit(scores, np.repeat(symbols, alignment.frames), ratio),
        _rivals(scores, alignment, ratio, lexicon, silent),
    )


def _scores(
    voice: SpeakingVoice, audio: torch.Tensor, speaker: torch.Tensor, ratio: float
) -> NDArray[np.float32]:
    """As `Aligner.likelihoods`: by the content model where there is one, which hears the frames
    around, too, and tells phonemes better. ``ratio`` is the aligner's frames in each of its own."""
    aligner, rate = voice.aligner, voice.sample_rate
    if voice.content is None:
        return aligner.likelihoods(aligner.features(audio, rate), speaker)
    heard = mel(audio, rate, voice.config.hop_length, voice.config.conditioning.mel_channels)
    found: NDArray[np.float32] = voice.content.likelihoods(heard).numpy()
    quiet = found[:, : STATES * aligner.silent]
    found[:, SILENCE] = quiet.max(1)
    quiet[:, 1:] = -np.inf
    at = (np.arange(math.ceil(len(found) * ratio)) / ratio).astype(int)
    scores: NDArray[np.float32] = found[np.minimum(at, len(found) - 1)]
    return scores


def _misfit(scores: NDArray[np.float32], symbols: NDArray[np.int64], ratio: float) -> Doubles:
    """(F,) of the symbols of F frames, each of ``ratio`` frames of the scores."""
    each = scores.reshape(len(scores), -1, STATES).max(2)
    at = np.minimum((np.arange(len(each)) / ratio).astype(int), len(symbols) - 1)
    misfit = each.max(1) - each[np.arange(len(each)), symbols[at]]
    count = np.bincount(at, minlength=len(symbols))
    out: Doubles = np.bincount(at, misfit, len(symbols)) / np.maximum(count, 1)
    return out


def _rivals(
    scores: NDArray[np.float32], alignment: Alignment, ratio: float, lexicon: Lexicon, silent: int
) -> Doubles:
    from wavegen.speech.viterbi import rivals

    excess = np.zeros(sum(alignment.frames))
    begin = at = 0
    for word in alignment.words:
        end = begin + sum(alignment.frames[at : at + len(word)])
        at += len(word)
        part = scores[round(begin * ratio) : round(end * ratio)]
        said = np.array([s for s in word if s >= silent], np.int64)
        if len(said) and len(part) >= STATES * len(said):
            excess[begin:end] = rivals(part, said, lexicon.symbols, lexicon.ends, STATES)
        begin = end
    return excess
