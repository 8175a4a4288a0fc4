"""Likelihood of recordings under a voice of several scales.

Its coarse scales draw c, and the finest one the sound x given c. What c a recording has is known:
the recording itself at a lower rate. But the voice could have drawn the same x over another c, too,
so that −log₂ p(c) − log₂ p(x | c) is not the bits of x but an upper bound of them, which exceeds
them by −log₂ p(c | x). It would be exact if c were every n-th sample of x itself; but treble would
then be folded onto bass as noise, which no network can predict.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from wavegen.audio.coarse import decimate
from wavegen.scales import ScaledVoice, as_drawn
from wavegen.score.likelihood import Bits, Doubles, bits


class Scales(NamedTuple):
    """Bits of a recording of T samples."""

    total: Bits
    """(T,) of all scales; a sample of a coarse one counts evenly for those that it spans."""
    each: dict[int, float]
    """Bits per sample of the recording by the rate of the scale, from coarse to fine."""


def scale_bits(voice: ScaledVoice, audio: torch.Tensor) -> Scales:
    """How likely a voice finds a recording, with its coarse signal.

    Each scale is told the coarser one as the voice would have drawn it, rounded to the samples of
    its network: as those, its bits are counted.

    Args:
        voice: the voice.
        audio: (T,) float32 at its rate.
    """
    coarse = torch.from_numpy(decimate(audio.numpy(), voice.ratio))
    below = voice.coarser
    if isinstance(below, ScaledVoice):
        known, each = scale_bits(below, coarse)
        del each[below.sample_rate]
    else:
        known, each = bits(below, coarse, 0, None), {}
    each[below.sample_rate] = float(known.network.mean()) - sum(each.values())
    told = voice.told(as_drawn(below, coarse)).each(torch.from_numpy)
    own = bits(voice, audio, 0, told)
    share = len(coarse) / len(audio)
    total = Bits(*(_spread(known.network, voice.ratio, len(audio)) + b for b in own))
    each = {rate: b * share for rate, b in each.items()}
    return Scales(total, each | {voice.sample_rate: float(own.sound.mean())})


def _spread(coarse: Doubles, ratio: int, samples: int) -> Doubles:
    """(F,) bits of coarse samples, evenly on the (T,) samples that each spans."""
    spans = np.full(len(coarse), float(ratio))
    spans[-1] = samples - ratio * (len(coarse) - 1)
    return np.repeat(coarse / spans, ratio)[:samples]
