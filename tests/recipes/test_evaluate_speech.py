"""Clips of the rows of the tables, and what is measured by the voice's own filters and F0."""

from __future__ import annotations

import math

import evaluate_speech
import numpy as np
import pytest
from evaluate_speech import Clips
from helpers import DIGITS

from wavegen.audio.filters import LEVEL
from wavegen.request import Request
from wavegen.voice import SpeakingVoice

FILES = [DIGITS / "7_jackson_12.wav"]


def test_white_noise_has_the_excitations_level_and_the_copies_timing(
    tiny_voice: SpeakingVoice,
) -> None:
    copies = evaluate_speech.copy(tiny_voice, FILES, Request(seed=0))
    noise = evaluate_speech.white_noise(tiny_voice, copies, seed=0)
    assert [len(a) for a in noise.audio] == [len(a) for a in copies.audio]
    assert evaluate_speech.voiced_excitation(tiny_voice, noise) == pytest.approx(LEVEL, rel=0.1)
    again = evaluate_speech.white_noise(tiny_voice, copies, seed=0)
    np.testing.assert_array_equal(noise.audio[0], again.audio[0])


def test_all_sentences_of_a_text_are_spoken(tiny_voice: SpeakingVoice) -> None:
    texts = ["seven", "seven. nine. seven."]
    spoken = evaluate_speech.speak(tiny_voice, texts, Request(seed=0, max_seconds=60.0))
    hop = tiny_voice.config.hop_length
    assert [len(a) for a in spoken.audio] == [u.frames * hop for u in spoken.local]
    assert spoken.local[1].frames > spoken.local[0].frames


def test_levels_and_f0_are_told_against_the_recordings(tiny_voice: SpeakingVoice) -> None:
    rate = tiny_voice.sample_rate

    def vibrato(semitones: float) -> np.ndarray:
        t = np.arange(2 * rate) / rate
        f0 = 150 * 2 ** (semitones / 12 * np.sin(2 * math.pi * t))
        phase = 2 * math.pi * np.cumsum(f0) / rate
        return sum(np.sin(k * phase) for k in (1, 2, 3)).astype(np.float32) / 20

    real, made = Clips([vibrato(4)]), Clips([vibrato(2) / 2])
    figures = evaluate_speech.signal(tiny_voice, real, made)
    assert figures["level dB"] == figures["worst dB"] == pytest.approx(-6.02, abs=0.05)
    assert figures["of real"] == pytest.approx(0.5, abs=0.05)
    assert "excitation" not in figures
