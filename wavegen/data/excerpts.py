"""Excerpts of clips as the network's samples, with noise in the past that it is given."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wavegen.audio.adaptive import AdaptivePredictor
from wavegen.audio.filters import LEVEL, input_count
from wavegen.audio.linear_prediction import Predictor, select
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.config import Config

FLOOR = LEVEL / 16
"""Level of the excitation below which the noise falls no further."""
GAIN = 10.0
"""Standard deviation in dB of an excerpt's level, at a noise of 1."""


@dataclass(frozen=True)
class Excerpt:
    """Samples of a clip."""

    target: Tensor
    """(n,) excitation to be predicted."""
    past: Tensor
    """(n,) excitation that later samples are predicted from: the same, or with noise."""
    given: Tensor | None
    """(n, G) inputs of linear prediction, in a network that takes them; computed from the past."""


def excerpt(
    config: Config,
    filters: Predictor | AdaptivePredictor,
    audio: Tensor,
    first: int,
    known: int,
    seed: int,
) -> Excerpt:
    """Compute an excerpt.

    Args:
        config: of the run; ``train.noise`` is the maximum level of the noise.
        filters: of the clip.
        audio: (known + n,) the excerpt, preceded by ``known`` samples of its past.
        first: index in the clip of the excerpt's first sample.
        known: see `Predictor.excitation`.
        seed: of the noise.
    """
    if not input_count(config):
        excitation = filters.excitation(audio, first, known)
        return Excerpt(excitation, excitation, None)
    if not config.train.noise or isinstance(filters, AdaptivePredictor):
        excitation, inputs = filters.inputs(audio, first, known)
        return Excerpt(excitation, excitation, select(config, inputs))
    noise = _noise(filters.excitation(audio, first - known), config.train.noise, seed)
    if known < first:
        noise[: filters.order] = 0  # there the excitation is wrong, as its past is missing
    filtered = Synthesis(filters, first=first - known)(noise.numpy())
    past, inputs = filters.inputs(audio + torch.from_numpy(filtered), first, known)
    return Excerpt(past - noise[known:], past, select(config, inputs))


def _noise(excitation: Tensor, maximum: float, seed: int) -> Tensor:
    """(n,) noise for an excitation: a deviation of its level, and white noise in proportion to it
    (as in LPCNet, Valin and Skoglund 2019, §3.4), by an amount between 0 and the maximum."""
    generator = torch.Generator().manual_seed(seed)
    level, gain = amounts(maximum, generator)
    return (gain - 1) * excitation + level * white_noise(excitation, generator)


def amounts(maximum: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The level of an excerpt's white noise, between 0 and the maximum, and the factor by which the
    level of its excitation deviates; (1,) each."""
    level = maximum * torch.rand(1, generator=generator)
    return level, 10 ** (level * GAIN / 20 * torch.randn(1, generator=generator))


def white_noise(excitation: Tensor, generator: torch.Generator) -> Tensor:
    """(n,) white noise in proportion to an excitation, of level 1."""
    white = torch.randn(len(excitation), generator=generator)
    return white * (excitation.abs() + FLOOR)
