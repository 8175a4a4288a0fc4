"""Which of several texts or speakers is likeliest, by Bayes' rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from scipy.special import softmax

from wavegen.audio.features import pitch
from wavegen.score import Doubles, score
from wavegen.speech.frontend import Unit
from wavegen.voice import ConditionedVoice, Voice

BLOCK_SECONDS = 0.04
"""A voice's errors last about as long: of spoken digits the difference between two hypotheses has
an autocorrelation of 0.5 after 20 ms, 0.3 after 40 and none after 80. Decisions between the texts
and speakers of held-out digits (264, of which 97.0 % are right) are said with a mean probability
of 97.5 %; and of 96.9 % with twice as long blocks, of which a short word has too few."""
REPLICATES = 1000


@dataclass(frozen=True)
class Hypothesis:
    """A text and a speaker that a recording may be of."""

    text: str | None
    speaker: str | None
    bits_per_sample: float
    probability: float
    """Of this hypothesis, if one of all is right and each is as likely beforehand; see `bagged`."""


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
        bits.append(score(voice, audio, who, unit, f0).bits)
        progress(done, len(pairs))
    probabilities = bagged(np.stack(bits), round(BLOCK_SECONDS * voice.sample_rate))
    found = [
        Hypothesis(None if text is None else text[0], speaker, float(b.mean()), float(p))
        for (text, speaker), b, p in zip(pairs, bits, probabilities, strict=True)
    ]
    return sorted(found, key=lambda h: h.bits_per_sample)


def bagged(bits: Doubles, block: int) -> Doubles:
    """The bagged posterior (Huggins and Miller 2023) of hypotheses that are equally likely before.

    By Bayes' rule thousands of samples, each counted as evidence of its own, make any decision all
    but certain, wrong ones too: a voice only approximates speech, and is wrong in the same way for
    as long as a phoneme lasts. So the posterior is averaged over what the recording might as well
    have been: as many of its blocks, drawn at random with replacement, from anywhere in it (the
    circular block bootstrap, Politis and Romano 1992). One block alone decides nothing then.

    Args:
        bits: (H, T) of each sample given each hypothesis.
        block: samples in a block; a shorter recording is one, and its posterior the plain one.

    Returns:
        (H,) probabilities, always the same of the same bits.
    """
    length = bits.shape[1]
    block = min(block, length)
    sums = np.cumsum(np.concatenate([bits[:, :1] * 0, bits, bits[:, : block - 1]], 1), 1)
    sums = sums[:, block:] - sums[:, :-block]  # (H, T) of the block that begins at each sample
    count = max(1, round(length / block))
    begins = np.random.default_rng(0).integers(length, size=(REPLICATES, count))
    drawn = sums[:, begins].sum(-1) * length / (count * block)
    posterior: Doubles = softmax(-math.log(2) * drawn, 0).mean(1)
    return posterior
