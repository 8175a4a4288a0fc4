"""Recordings at a lower rate."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wavegen.audio.coarse import LEVEL, UNSETTLED, coarse_features, decimate, with_noise
from wavegen.model.inputs import PHASES, phase_codes


@pytest.mark.parametrize("ratio", [2, 4, 16])
def test_a_slow_tone_stays_where_it_is_and_a_fast_one_goes(ratio: int) -> None:
    time = np.arange(200 * ratio + 1)
    slow, fast = (np.sin(2 * np.pi * f / ratio * time).astype(np.float32) for f in (0.2, 0.7))
    lowered = decimate(slow, ratio)
    assert len(lowered) == 201
    middle = slice(50, -50)
    assert np.allclose(lowered[middle], slow[::ratio][middle], atol=1e-3)
    assert np.abs(decimate(fast, ratio)[middle]).max() < 1e-3


def test_only_the_end_depends_on_what_follows() -> None:
    sound = np.convolve(np.random.default_rng(0).normal(0, 0.1, 4000), np.ones(8) / 8, "same")
    sound = sound.astype(np.float32)
    whole, part = decimate(sound, 4), decimate(sound[:2000], 4)
    apart = np.abs(whole[:500] - part)
    assert apart[:-UNSETTLED].max() < 0.1 * apart.max()


def test_noise_is_in_proportion_to_the_sound_and_leaves_the_phase_alone() -> None:
    sound = 0.1 * torch.randn(20000)
    local = coarse_features(sound.numpy(), 4).each(torch.from_numpy)
    levels = []
    for seed in range(20):
        noisy = with_noise(local, 0.5, seed)
        assert noisy.coarse is not None
        assert local.coarse is not None
        levels.append(float((noisy.coarse - local.coarse).std() * LEVEL / sound.std()))
        assert torch.equal(noisy.phase_step, local.phase_step)
    assert 0 < min(levels) < 0.1
    assert 0.4 < max(levels) <= 0.51
    again = with_noise(local, 0.5, 19)
    assert torch.equal(again.compressed, noisy.compressed)
    quiet = with_noise(local.each(torch.zeros_like), 0.5, 0)
    assert not quiet.coarse.any()


def test_every_place_in_a_frame_has_a_code_of_its_own() -> None:
    for ratio in (2, 3, 16, PHASES):
        local = coarse_features(np.zeros(3, np.float32), ratio)
        codes = phase_codes(local.phase, local.phase_step, ratio).reshape(3, ratio)
        assert len(set(codes[0].tolist())) == ratio
        assert (codes == codes[0]).all()
