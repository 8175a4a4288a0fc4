"""Bits of several scales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import scaled_voice

from wavegen.audio.coarse import decimate
from wavegen.library import load_voice
from wavegen.scales import ScaledVoice, as_drawn
from wavegen.score import score
from wavegen.score.likelihood import bits
from wavegen.score.scales import scale_bits


def loaded(path: Path) -> ScaledVoice:
    voice = load_voice(path)
    assert isinstance(voice, ScaledVoice)
    return voice


@pytest.fixture
def audio() -> torch.Tensor:
    return (0.1 * torch.randn(1601)).mul(32768).round().div(32768)


def test_each_scale_is_told_the_coarser_one_as_it_would_be_drawn(
    tmp_path: Path, audio: torch.Tensor
) -> None:
    voice = loaded(scaled_voice(tmp_path / "two.safetensors", 4))
    found = scale_bits(voice, audio)
    coarse = torch.from_numpy(decimate(audio.numpy(), 4))
    first = bits(voice.coarser, coarse, 0, None).network
    told = voice.told(as_drawn(voice.coarser, coarse)).each(torch.from_numpy)
    second = bits(voice, audio, 0, told)
    assert np.isclose(found.total.sound.sum(), first.sum() + second.sound.sum())
    assert np.isclose(found.total.network.sum(), first.sum() + second.network.sum())
    assert [*found.each] == [2000, 8000]
    assert np.isclose(found.each[2000], first.sum() / 1601)
    assert np.isclose(sum(found.each.values()), found.total.sound.mean())
    assert np.isclose(found.total.sound[:4].sum(), first[0] + second.sound[:4].sum())
    assert np.isclose(found.total.sound[1600], first[400] + second.sound[1600])


def test_a_coarse_sample_that_is_guessed_costs_its_codes_bits(
    tmp_path: Path, audio: torch.Tensor
) -> None:
    voice = loaded(scaled_voice(tmp_path / "three.safetensors", 8, 2))
    for part in voice.chain:  # all codes alike
        torch.nn.init.zeros_(part.model.head.weight)
        torch.nn.init.zeros_(part.model.head.bias)
    made = score(voice, audio, np.zeros((0,), np.float32))
    assert made.features == "scales"
    assert [*made.scales] == [1000, 4000, 8000]
    assert np.isclose(made.scales[1000], 8 * 201 / 1601)
    assert np.isclose(made.scales[4000], 8 * 801 / 1601)
    assert np.isclose(sum(made.scales.values()), made.bits_per_sample)
    assert np.isclose(made.network_bits_per_sample, 8 * (201 + 801 + 1601) / 1601)
