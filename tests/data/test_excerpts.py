"""Excerpts of clips, with noise in the past."""

import numpy as np
import torch
from torch import Tensor

from wavegen.audio.features import mel
from wavegen.audio.filters import LEVEL, of_spectrum
from wavegen.audio.linear_prediction import Predictor
from wavegen.audio.taps import INPUTS
from wavegen.config import Config
from wavegen.data.excerpts import Excerpt, excerpt

RATE, HOP = 16000, 160
PIECES = [(0, 8000), (1000, 3000), (4567, 8000)]


def clip() -> tuple[Tensor, Predictor]:
    audio = 0.05 * torch.randn(8000)
    audio[::97] += 0.5
    bands = mel(audio, RATE, HOP, 80)
    f0 = np.full(bands.shape[1], RATE / 97, np.float32)
    return audio, Predictor.of(of_spectrum(bands.numpy(), f0, RATE, HOP))


def cut(noise: float, begin: int, end: int, seed: int = 0) -> tuple[Excerpt, Tensor]:
    """An excerpt, and the clip's excitation there."""
    torch.manual_seed(0)
    audio, filters = clip()
    config = Config().replace("conditioning", features="mel").replace("train", noise=noise)
    known = min(begin, filters.reach)
    made = excerpt(config, filters, audio[begin - known : end], begin, known, seed)
    return made, filters.excitation(audio)[begin:end]


def test_without_noise_the_past_is_what_is_to_be_predicted() -> None:
    for begin, end in PIECES:
        made, excitation = cut(0.0, begin, end)
        assert made.past is made.target
        assert torch.equal(made.target, excitation)
        assert made.given is not None
        assert made.given.shape == (end - begin, INPUTS)


def test_noise_is_in_the_past_alone_and_in_proportion() -> None:
    for begin, end in PIECES:
        made, excitation = cut(0.5, begin, end)
        assert (made.target - excitation).abs().max() < 1e-4
        noise = made.past - made.target
        assert 0.01 * LEVEL < noise.square().mean().sqrt() < 2 * LEVEL
        clean = cut(0.0, begin, end)[0]
        assert made.given is not None
        assert clean.given is not None
        assert not torch.equal(made.given[:, :2], clean.given[:, :2])  # as the noise is filtered
        # What is given of the period before is of the same past.
        period = torch.sign(made.past) * (16 * made.past.abs()).log1p()
        assert (made.given[200:, 4] - period[200 - 97 : len(period) - 97]).abs().max() < 1e-4


def test_another_seed_is_other_noise() -> None:
    first, same, other = (cut(0.5, 1000, 3000, seed)[0].past for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
