"""Likelihood of recordings under a voice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from wavegen.errors import TextError, VoiceError
from wavegen.recording import read_recording
from wavegen.scales import ScaledVoice
from wavegen.score.features import by_text
from wavegen.score.likelihood import bits
from wavegen.score.scales import scale_bits
from wavegen.speech.frontend import Unit, read_clip
from wavegen.speech.intervals import Tier
from wavegen.voice import SpeakingVoice, Voice

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Features = Literal["none", "spectrogram", "text", "scales"]


@dataclass(frozen=True)
class Score:
    """The likelihood of one recording."""

    audio: Floats
    """(T,) at the voice's rate."""
    sample_rate: int
    """Hz."""
    bits: Doubles
    """(T,) of each sample of the sound, see `likelihood.Bits`."""
    network_bits: Doubles
    """(T,) of each sample as the network has it."""
    features: Features
    """What the voice was told of the recording: its own spectrogram, or what is predicted of it
    from the text. Of several scales, each was told the next coarser one, whose bits are counted:
    those of the sound are at most their sum (see `wavegen.score.scales`)."""
    words: Tier = ()
    """With a text: when each word is said."""
    phones: Tier = ()
    scales: dict[int, float] = field(default_factory=dict)
    """Bits per sample of the recording, of each scale by its rate, from coarse to fine."""

    @property
    def bits_per_sample(self) -> float:
        return float(self.bits.mean())

    @property
    def network_bits_per_sample(self) -> float:
        return float(self.network_bits.mean())

    @property
    def samples(self) -> int:
        """T."""
        return len(self.audio)

    @property
    def seconds(self) -> float:
        return self.samples / self.sample_rate


def score_file(
    voice: Voice, file: Path, speaker: str | None = None, text: str | None = None
) -> Score:
    """Bits per sample of one recording, resampled to the voice's rate.

    Args:
        voice: the voice.
        file: the recording.
        speaker: name or id, or a mix of them; needed if the voice has several.
        text: what is said. With it, the recording's spectrum is predicted from the text; without,
            the voice is told the recording's own, unless it is conditioned on phonemes.

    Raises:
        DataError: the recording can't be read.
        VoiceError: the speaker is missing or unknown, or the voice knows no texts.
        TextError: the text is empty, or missing in a voice that is conditioned on phonemes.
    """
    check_speaker(voice, speaker)
    unit = None if text is None else read_text(voice, text)
    if unit is None and voice.needs_text:
        raise TextError(f"voice {voice.name} speaks texts: --text must say what {file} says")
    return score(voice, read(voice, file), voice.weights(voice.who(speaker))[0], unit)


def check_speaker(voice: Voice, speaker: str | None) -> None:
    """Raise `VoiceError` if a voice of several speakers is given none."""
    if speaker is None and len(voice.speakers) > 1:
        names = ", ".join(voice.speakers)
        raise VoiceError(f"voice {voice.name} has several speakers: give --speaker ({names})")


def read(voice: Voice, file: Path) -> torch.Tensor:
    """(T,) a recording at the voice's rate.

    Raises:
        DataError: it can't be read, or is empty.
    """
    return torch.from_numpy(read_recording(voice, file))


def read_text(voice: Voice, text: str) -> Unit:
    """The text of a recording.

    Raises:
        VoiceError: the voice was trained without texts.
        TextError: there is nothing to say in it.
    """
    if not isinstance(voice, SpeakingVoice):
        raise VoiceError(f"voice {voice.name} was trained without texts: it can't score one")
    unit = read_clip(text, voice.config.data.language)
    if unit is None:
        raise TextError(f"--text '{text[:60]}' holds no words to speak")
    return unit


def score(
    voice: Voice,
    audio: torch.Tensor,
    speaker: Floats,
    unit: Unit | None = None,
    f0: torch.Tensor | None = None,
) -> Score:
    """Bits of one recording.

    Args:
        voice: the voice.
        audio: (T,) float32 at its rate.
        speaker: (S,) weights of the speakers.
        unit: what is said, in a voice that speaks texts.
        f0: (F,) Hz, if it is known already.

    Raises:
        TextError: the voice knows none of the text's phonemes.
    """
    who = torch.from_numpy(speaker)
    if unit is not None and isinstance(voice, SpeakingVoice):
        local, words, phones = by_text(voice, audio, speaker, unit, f0)
        found = bits(voice, audio, who, local)
        return Score(audio.numpy(), voice.sample_rate, *found, "text", words, phones)
    if isinstance(voice, ScaledVoice):
        total, each = scale_bits(voice, audio)
        return Score(audio.numpy(), voice.sample_rate, *total, "scales", scales=each)
    own = voice.observe(audio, who, None, f0)
    found = bits(voice, audio, who, own)
    features: Features = "none" if own is None else "spectrogram"
    return Score(audio.numpy(), voice.sample_rate, *found, features)


def mean_bits(scores: Sequence[Score]) -> float:
    """Mean over all samples of all recordings."""
    return float(np.concatenate([s.bits for s in scores]).mean())
