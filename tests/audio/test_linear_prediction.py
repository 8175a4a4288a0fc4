"""Linear prediction: a filter for every frame, and its inverse."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from wavegen.audio.features import mel, power_spectrum
from wavegen.audio.linear_prediction import LEVEL, Predictor, of_speech, predictor
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.config import Config

RATE, HOP = 16000, 160


def filters(coefficients: Tensor, gains: Tensor, hop: int) -> Predictor:
    """Without pitch."""
    none = torch.zeros(len(gains), 0), torch.ones(len(gains), dtype=torch.int64)
    return Predictor(coefficients, gains, hop, *none)


def of(audio: Tensor) -> Predictor:
    """For pulses every 97 samples, found in all frames but a few."""
    bands = mel(audio, RATE, HOP, 80)
    f0 = torch.full((bands.shape[1],), RATE / 97)
    f0[10:14] = 0
    return of_speech(bands, f0, RATE, HOP)


def speechlike(count: int = 8000) -> Tensor:
    """Pulses and noise through two resonances, loud and quiet in turn."""
    source = 0.02 * torch.randn(count)
    source[::97] += 1.0
    loud = 0.05 * (1.1 + torch.sin(torch.arange(count) / 900))
    resonances = torch.tensor([[1.79, -0.9, 0.0], [0.4, -0.8, 0.0]]).repeat(count, 1)
    sound = Synthesis(filters(resonances[: count // HOP], torch.ones(count // HOP), HOP))
    return torch.from_numpy(sound((source * loud).numpy()))


def test_the_excitation_is_white_and_of_one_level() -> None:
    audio = speechlike()
    p = of(audio)
    assert p.coefficients.shape == (50, 24)
    e = p.excitation(audio)
    levels = e[800:-800].view(-1, 640).square().mean(1).sqrt()
    assert (levels / LEVEL).log2().abs().max() < 1
    assert (audio[800:-800].view(-1, 640).square().mean(1).sqrt()).log2().std() > 1

    def flatness(x: Tensor) -> float:
        power = torch.fft.rfft(x).abs().square()[1:].view(-1, 50).mean(1)
        return float(power.log().mean().exp() / power.mean())

    assert flatness(audio[:8000]) < 0.3 < 0.7 < flatness(e[:8000])


def test_the_power_spectrum_of_noise_is_flat_and_of_its_power() -> None:
    audio = 0.1 * torch.randn(16000)
    power = power_spectrum(mel(audio, RATE, HOP, 80), RATE, HOP)[5:-5].mean(0)
    assert 0.7 < float(power.mean()) / 0.01 < 1.1  # the square of a mean is below the mean square
    assert power.log2().std() < 0.3


@pytest.mark.parametrize("kind", ["mel", "emphasis", "none"])
def test_synthesis_undoes_it_however_both_are_cut(kind: str) -> None:
    audio = speechlike()
    if kind == "mel":
        p = of(audio)
        assert p.taps.any(1).float().mean() > 0.5
    else:
        emphasis = 0.85 if kind == "emphasis" else 0.0
        p = predictor(Config().replace("audio", preemphasis=emphasis), None)
        assert p.order == p.reach == (kind == "emphasis")
    whole = p.excitation(audio)
    for first in (1, 10, 160, 333, 1000):
        past = min(first, p.reach)
        piece = p.excitation(audio[first - past : 2000], first, past)
        assert torch.equal(piece, whole[first:2000])
    e = whole.numpy()
    made = Synthesis(p)(e)
    assert np.abs(made - audio.numpy()).max() < 1e-5
    cut = Synthesis(p)
    pieces = [cut(x) for x in np.split(e, [1, 1, 17, 160, 400, 4000])]
    assert np.array_equal(np.concatenate(pieces), made)
    after = Synthesis(p, audio[:400].numpy())(e[400:])
    assert np.abs(after - audio[400:].numpy()).max() < 1e-5


def test_sound_is_clipped_and_frames_hold() -> None:
    p = filters(torch.tensor([[0.0], [0.9]]), torch.tensor([1.0, 2.0]), 10)
    made = Synthesis(p)(np.full(100, 0.5, np.float32))
    assert (made[:10] == 0.5).all()
    assert made.max() == 1  # not wrapped
    assert Synthesis(p)(np.zeros(0, np.float32)).size == 0


def test_digital_silence_is_not_made_loud() -> None:
    p = of(torch.zeros(4000))
    assert p.coefficients.isfinite().all()
    noise = 0.5 * torch.randn(4000).clamp(-2, 2)
    made = Synthesis(p)(noise.numpy())
    assert 20 * math.log10(np.abs(made).max()) < -70


def test_an_excitation_that_got_loud_is_turned_down() -> None:
    audio = speechlike()
    p = of(audio)
    e = p.excitation(audio)
    loud = torch.where(torch.arange(len(e)) > 4000, 6 * e, e).numpy()
    calm, made = Synthesis(p)(e.numpy()), Synthesis(p)(loud)
    assert np.array_equal(calm[:4000], made[:4000])
    ratio = np.std(made[4500:]) / np.std(calm[4500:])
    assert 1.2 < ratio < 2.5


@pytest.mark.parametrize("f0", [80.0, 213.7, 410.0])
def test_noise_becomes_a_voice_of_the_pitch_asked_for(f0: float) -> None:
    silence = mel(torch.zeros(16000), RATE, HOP, 80)
    p = of_speech(silence + 2, torch.full((100,), f0), RATE, HOP)
    made = Synthesis(p)(LEVEL * torch.randn(16000).numpy())
    power = np.abs(np.fft.rfft(made * np.hanning(len(made)))) ** 2
    lines = np.arange(len(power))
    near = np.abs(lines / f0 - np.round(lines / f0)) * f0 < f0 / 8
    low, high = (lines > f0 / 2) & (lines < 800), (lines > 4000) & (lines < 6000)
    assert power[near & low].mean() > 8 * power[~near & low].mean()
    assert power[near & high].mean() < 1.5 * power[~near & high].mean()
