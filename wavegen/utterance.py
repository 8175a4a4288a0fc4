"""What is to be said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.local_features import LocalFeatures
from wavegen.request import Request
from wavegen.speakers import SpeakerPath

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Utterance:
    """A planned utterance: all that is known before the first sample is drawn."""

    request: Request
    text: str
    """Its words, or the name of the recording that it copies."""
    speaker: SpeakerPath
    weights: Audio
    """(F, S) of the speakers in each frame, or (1, S) if they don't change."""
    samples: int
    local: LocalFeatures | None = None
    """None for a voice without local features."""
    unknown: tuple[str, ...] = ()
    """Words that were not in the training data of a voice with a small vocabulary."""
    spans: tuple[tuple[str, int, int], ...] = ()
    """(words, first sample, end sample) of each sentence."""
    phonemes: tuple[str, ...] = ()
    """The phonemes of each word, and punctuation marks."""
    pause: int = 0
    """Samples of silence before the next utterance."""
    prompt: Audio | None = None
    """(N,) float32, the recording that it continues; the local features begin with it."""
    ends: bool = False
    """It may end by itself, after ``samples`` at most."""
