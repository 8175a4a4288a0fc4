"""Recordings as a voice hears them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wavegen.audio.local_features import LocalFeatures
from wavegen.audio.reading import read_audio
from wavegen.errors import DataError
from wavegen.speech.alignment import Alignment
from wavegen.speech.frontend import Unit
from wavegen.voice import ConditionedVoice, Floats, SpeakingVoice, Voice


def read_recording(voice: Voice, file: Path) -> Floats:
    """(T,) float32 at the voice's rate.

    Raises:
        DataError: the recording can't be read, or is empty.
    """
    audio = read_audio(file, voice.sample_rate).audio
    if not len(audio):
        raise DataError(f"{file} holds no samples at {voice.sample_rate} Hz")
    return audio


def observe(
    voice: ConditionedVoice, audio: Floats, weights: Floats, said: Unit | Alignment | None = None
) -> LocalFeatures:
    """`Voice.observe`, of (T,) samples and by (S,) weights of the speakers, as arrays."""
    import torch

    who = torch.from_numpy(weights)
    return voice.observe(torch.from_numpy(audio), who, said).each(np.asarray)


def align(voice: SpeakingVoice, audio: Floats, said: Unit) -> Alignment:
    """`SpeakingVoice.align`, of (T,) samples of anybody."""
    import torch

    return voice.align(said, None, torch.from_numpy(audio))
