"""Which of several texts or speakers is likeliest, by Bayes' rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from wavegen.audio.features import pitch
from wavegen.score import score
from wavegen.speech.frontend import Unit
from wavegen.voice import ConditionedVoice, Voice


@dataclass(frozen=True)
class Hypothesis:
    """A text and a speaker that a recording may be of."""

    text: str | None
    speaker: str | None
    bits_per_sample: float
    probability: float
    """Of this hypothesis, if one of all is right and each is as likely beforehand. A voice's
    likelihoods multiply over thousands of samples, so that it is surer than it is often right."""


def classify(
    voice: Voice,
    audio: torch.Tensor,
    texts: Sequence[tuple[str, Unit] | None],
    speakers: Sequence[str | None],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Hypothesis]:
    """Every pair of a text and a speaker, the likeliest first.

    Args:
        voice: the voice.
        audio: (T,) float32 at its rate.
        texts: what may be said; with None the voice is told the recording's own spectrogram.
        speakers: names or ids of who may speak; None is the first.
        progress: called with (pairs done, pairs).

    Raises:
        VoiceError: the voice has no such speaker.
        TextError: the voice knows none of a text's phonemes.
    """
    f0 = None
    if isinstance(voice, ConditionedVoice):  # the same for all
        f0 = torch.from_numpy(pitch(audio.numpy(), voice.sample_rate, voice.config.hop_length))
    pairs = [*product(texts, speakers)]
    bits = []
    for done, (text, speaker) in enumerate(pairs, 1):
        who = voice.weights(voice.who(speaker))[0]
        unit = None if text is None else text[1]
        bits.append(score(voice, audio, who, unit, f0).bits_per_sample)
        progress(done, len(pairs))
    nats = np.array(bits) * len(audio) * math.log(2)
    weights = np.exp(nats.min() - nats)
    found = [
        Hypothesis(None if text is None else text[0], speaker, b, float(w / weights.sum()))
        for (text, speaker), b, w in zip(pairs, bits, weights, strict=True)
    ]
    return sorted(found, key=lambda h: h.bits_per_sample)
