"""Loudness is that of BS.1770."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchaudio import functional

from wavegen.audio.loudness import loudness


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("seconds", [0.4, 3.3])
def test_it_is_that_of_torchaudio(rate: int, seconds: float) -> None:
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).normal(0, 0.02, len(time))
    sound = noise + 0.2 * np.sin(2 * np.pi * 130 * time) * (time % 1 < 0.6)
    audio = sound.astype(np.float32)
    expected = float(functional.loudness(torch.from_numpy(audio)[None], rate))
    assert loudness(audio, rate) == pytest.approx(expected, abs=0.01)


def test_the_reference_tone_is_as_loud_as_the_standard_says() -> None:
    """BS.1770-4, annex 1: a full-scale sine of 997 Hz in one channel reads -3.01."""
    tone = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000).astype(np.float32)
    assert loudness(tone, 48000) == pytest.approx(-3.01, abs=0.05)


def test_silence_and_sounds_under_the_gate_have_none() -> None:
    assert loudness(np.zeros(16000, np.float32), 16000) == -np.inf
    assert loudness(np.full(16000, 1e-5, np.float32), 16000) == -np.inf
