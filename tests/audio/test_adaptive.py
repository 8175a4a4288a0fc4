"""Backward-adaptive linear prediction."""

import numpy as np
import torch

from wavegen.audio.adaptive import AdaptivePredictor, analyse
from wavegen.audio.taps import INPUTS


def resonance(count: int) -> tuple[np.ndarray, np.ndarray]:
    """(T,) a resonance, and the noise that it answers to, in steps of 16 bits."""
    noise = np.random.default_rng(0).normal(0, 100, count)
    sound = np.zeros(count)
    for t in range(2, count):
        sound[t] = 1.8 * sound[t - 1] - 0.95 * sound[t - 2] + noise[t]
    return np.rint(sound), noise


def test_what_is_left_of_a_resonance_is_its_noise() -> None:
    sound, noise = resonance(6000)
    excitation = analyse(sound).excitation
    assert np.corrcoef(excitation[1000:], noise[1000:])[0, 1] > 0.9
    assert abs(np.abs(excitation[1000:]).mean() * 16 - 1) < 0.1


def test_an_excerpt_with_all_of_its_past_is_the_same_and_depends_on_the_past_alone() -> None:
    sound, _ = resonance(900)
    audio = torch.from_numpy(sound / 32768).float()
    excitation, inputs = AdaptivePredictor().inputs(audio)
    low, high = AdaptivePredictor().cells(audio)
    assert ((low < excitation) & (excitation < high)).all()
    part, given = AdaptivePredictor().inputs(audio, 500, 500)
    assert torch.equal(part, excitation[500:])
    assert torch.equal(given, inputs[500:])
    audio[600:] = 0.1
    _, changed = AdaptivePredictor().inputs(audio)
    assert torch.equal(changed[:601], inputs[:601])
    assert (changed[601] != inputs[601]).sum() > INPUTS // 2


def test_any_sound_gives_finite_inputs() -> None:
    rng = np.random.default_rng(1)
    parts = [np.zeros(500), np.full(500, -32768), rng.integers(-32768, 32768, 500), np.zeros(500)]
    square = 32767.0 * np.sign(np.sin(np.arange(500)))
    for values in analyse(np.concatenate([*parts, square, np.ones(500)])):
        assert np.isfinite(values).all()
