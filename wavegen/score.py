"""Likelihood of recordings under a voice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from wavegen.audio.reading import read_audio
from wavegen.errors import DataError, TextError, VoiceError
from wavegen.speech.frontend import read_clip
from wavegen.voice import Voice


@dataclass(frozen=True)
class Score:
    """The likelihood of one recording."""

    bits_per_sample: float
    samples: int
    """At the voice's rate."""
    seconds: float


def score_file(
    voice: Voice, file: Path, speaker: str | None = None, text: str | None = None
) -> Score:
    """Bits per sample of one recording, resampled to the voice's rate.

    Args:
        voice: the voice.
        file: the recording.
        speaker: name or id, or a mix of them; needed if the voice has several.
        text: what is said; needed if the voice is conditioned on phonemes.

    Raises:
        DataError: the recording can't be read.
        VoiceError: the speaker is missing or unknown.
        TextError: the text is missing or empty.
    """
    audio = torch.from_numpy(read_audio(file, voice.sample_rate).audio)
    if len(audio) == 0:
        raise DataError(f"{file} holds no samples at {voice.sample_rate} Hz")
    if speaker is None and len(voice.speakers) > 1:
        names = ", ".join(voice.speakers)
        raise VoiceError(f"voice {voice.name} has several speakers: give --speaker ({names})")
    who = voice.weights(voice.who(speaker))[0]
    unit = None
    if voice.needs_text:
        unit = read_clip(text, voice.config.data.language) if text is not None else None
        if unit is None:
            raise TextError(f"voice {voice.name} speaks texts: --text must say what {file} says")
    nats = voice.nll(audio, who, voice.observe(audio, who, unit))
    bits = float(nats.double().mean()) / math.log(2)
    return Score(bits, len(audio), len(audio) / voice.sample_rate)


def mean_bits(scores: Sequence[Score]) -> float:
    """Mean over all samples of all recordings."""
    return sum(s.bits_per_sample * s.samples for s in scores) / sum(s.samples for s in scores)
