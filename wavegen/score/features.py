"""What a voice is told of a recording that it scores."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from wavegen.audio.local_features import LocalFeatures
from wavegen.speech.alignment import Alignment
from wavegen.speech.frontend import Unit, silent_symbols
from wavegen.speech.intervals import Tier, intervals
from wavegen.speech.predict import Floats, predict_mel
from wavegen.voice import SpeakingVoice


class Told(NamedTuple):
    """Local features of a recording, and what is said when, by its text."""

    local: LocalFeatures
    """As tensors."""
    words: Tier
    phones: Tier


def by_text(
    voice: SpeakingVoice,
    audio: torch.Tensor,
    speaker: Floats,
    unit: Unit,
    f0: torch.Tensor | None = None,
) -> Told:
    """The features that a text and its speaker let expect: the spectrum is predicted from the
    phonemes. When they are said, how high and how loud are the recording's own, which says little
    of what is said.

    Args:
        voice: the voice.
        audio: (T,) float32 at its rate.
        speaker: (S,) weights of the speakers.
        unit: the text.
        f0: (F,) Hz, if it is known already.

    Raises:
        TextError: the voice knows none of its phonemes.
    """
    who = torch.from_numpy(speaker)
    alignment = voice.align(unit, who, audio)
    own = voice.observe(audio, who, alignment, f0).each(np.asarray)
    guess = predict_mel(voice.acoustic_weights, own, alignment, speaker)
    mel = guess.mel + (own.loudness - guess.loudness)
    local = replace(guess, mel=mel, loudness=own.loudness).each(torch.as_tensor)
    return Told(local, *tiers(voice, unit, alignment, len(audio) / voice.sample_rate))


def tiers(
    voice: SpeakingVoice, unit: Unit, alignment: Alignment, seconds: float
) -> tuple[Tier, Tier]:
    """When each word and each phoneme of an aligned recording is said."""
    ends = np.cumsum(alignment.frames) * voice.config.hop_length / voice.sample_rate
    known, language = voice.symbols, voice.config.data.language
    clipped = np.minimum(ends, seconds).tolist()
    return intervals(unit, alignment, clipped, known, silent_symbols(known), language)
