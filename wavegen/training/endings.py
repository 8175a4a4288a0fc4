"""Where the clips of a voice end, corrected by the lengths of its recordings.

In training, a network predicts the end of recordings; in generation, that of its own sound, which
does not come to an end as they do: it may begin like a quiet end, or go on for ever. What it has
learned of held-out recordings does not help, since there it is right. So a trained voice draws some
clips that may not end, and at each time since their beginning the log odds of the end are raised
until as many of them would end as of the recordings that are as long (the hazard of survival
analysis). Which clips end then, and at which sound, is left to the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from wavegen.data.windows import TrainingClip
from wavegen.generation.uniforms import Endings
from wavegen.outputs.mixture import Mixture
from wavegen.request import Request
from wavegen.synth import plan, synthesize
from wavegen.voice import Voice

CLIPS = 200
"""That are drawn…"""
MOST_SAMPLES = 4_000_000
"""…but fewer of a voice whose longest recording times that is more than this, down to…"""
FEWEST = 20
STEPS = 40
"""Most times between which the correction changes, each passed by as many recordings; fewer where
there are few recordings for each."""
SEED = 1 << 20
"""Of the first clip."""

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]


def measured_endings(
    voice: Voice,
    clips: Sequence[TrainingClip],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Endings | None:
    """Draw clips of a voice, and correct where they end.

    Args:
        voice: that ends its clips, and has no correction.
        clips: its recordings; each clip drawn is of the speaker of one of them.
        progress: called with (samples drawn, samples to draw).

    Returns:
        None where the end has no probability of its own: as one of the codes in a softmax.
    """
    output = voice.model.output
    if not isinstance(output, Mixture) or not clips:
        return None
    lengths = np.array([c.samples for c in clips])
    longest = int(lengths.max())
    count = min(CLIPS, max(FEWEST, MOST_SAMPLES // longest))
    chosen = np.random.default_rng(0).choice([c.speaker for c in clips], count)
    names = [voice.speakers[s] if voice.speakers else None for s in chosen]
    seconds = longest / voice.sample_rate
    requests = [
        Request(speaker=name, seed=SEED + n, seconds=seconds) for n, name in enumerate(names)
    ]
    made = synthesize(voice, [u for r in requests for u in plan(voice, r)], progress=progress)
    odds = np.stack([_odds(voice, output, a, s) for a, s in zip(made, chosen, strict=True)])
    return Endings(correction(odds, lengths, voice.config.hop_length), voice.config.hop_length)


def _odds(voice: Voice, output: Mixture, audio: NDArray[np.float32], speaker: int) -> Doubles:
    """(T,) log odds that a clip ends at each of its samples."""
    codes, _ = voice.samples(torch.from_numpy(audio), None)
    row, hop = voice.encode(int(speaker), None), voice.config.hop_length
    with torch.inference_mode():
        pieces = [output.odds(x[0]) for _, x in voice.model.predictions(codes[None], row, hop)]
    found: Doubles = torch.cat(pieces).cpu().numpy()
    return found


def correction(odds: Doubles, lengths: Integers, frame: int) -> Doubles:
    """What is to be added to the log odds so that clips have the lengths of recordings.

    Args:
        odds: (C, T) of clips that have not ended.
        lengths: (N,) of recordings, none longer than T.
        frame: samples in a frame.

    Returns:
        (F,) of each frame; between two of about √N quantiles of the lengths they are the same.
    """
    steps = min(STEPS, max(1, round(np.sqrt(len(lengths)))))
    quantiles = np.quantile(lengths, np.linspace(0, 1, steps + 1)) // frame
    edges = np.unique([0, *quantiles.astype(int), -(-odds.shape[1] // frame)])
    out, alive = np.zeros(edges[-1]), np.ones(len(odds))
    for begin, end in pairwise(edges):
        part = odds[:, begin * frame : end * frame]
        left = np.sum(lengths >= begin * frame)
        ended = left - np.sum(lengths >= end * frame)
        share = (ended + 0.5) / (left + 1)  # neither none nor all, of which there may be few
        low, high = -50.0, 50.0
        for _ in range(40):
            middle = (low + high) / 2
            enough = 1 - np.average(_goes_on(part + middle), weights=alive) > share
            low, high = (low, middle) if enough else (middle, high)
        out[begin:end] = low
        alive = np.maximum(alive * _goes_on(part + low), 1e-300)
    return out


def _goes_on(odds: Doubles) -> Doubles:
    """(C,) probability that a clip does not end at any of (C, T) samples, from their log odds."""
    out: Doubles = np.exp(-np.logaddexp(0, odds).sum(1))
    return out
