"""Acoustic features at frame rate."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from wavegen.audio.f0 import hertz
from wavegen.audio.features import mel, mfcc, octaves, phase, pitch
from wavegen.audio.mel_scale import mel_silence

RATE, FRAME = 16000, 160


@pytest.mark.parametrize("rate", [8000, 16000, 22050])
def test_features_have_a_column_for_every_begun_frame(rate: int) -> None:
    for samples in (1, rate // 100, rate // 100 + 1, 4321):
        audio = torch.randn(samples) / 10
        frames = -(-samples // (rate // 100))
        assert mel(audio, rate, rate // 100, 80).shape == (80, frames)
        assert pitch(audio.numpy(), rate, rate // 100).shape == (frames,)


def test_mel_is_loud_where_the_tone_is_and_at_its_floor_in_silence() -> None:
    audio = torch.zeros(16000)
    audio[8000:] = torch.sin(2 * torch.pi * 1000 * torch.arange(8000) / 16000)
    bands = mel(audio, 16000, 160, 40)
    assert torch.allclose(bands[:, :47], torch.tensor(mel_silence()))
    assert int(bands[:, 75].argmax()) == pytest.approx(13, abs=2)  # Slaney: 1 kHz is 15 of 45 mels
    assert bands.max() > 1


def test_pitch_is_found_within_a_fifth_of_a_semitone() -> None:
    time = np.arange(16000) / 16000
    buzz = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20)) / 4
    audio = np.concatenate([buzz, np.zeros(8000)]).astype(np.float32)
    f0 = pitch(audio, 16000, 160)
    assert np.abs(1200 * np.log2(f0[10:90] / 140)).max() < 20
    assert not f0[110:].any()
    voiced, octave = octaves(torch.tensor([0.0, 160.0, 320.0]))
    assert voiced.tolist() == [0, 1, 1]
    assert octave.tolist() == [0, 0, 1]


def test_pitch_of_a_monotone_is_found_with_long_frames() -> None:
    time = np.arange(32000) / 16000
    audio = 0.3 * sum(np.sin(2 * np.pi * 450 * k * time) / k for k in (1, 2, 3))
    found = pitch(audio.astype(np.float32), 16000, 800)
    assert np.median(np.abs(12 * np.log2(found[found > 0] / 450))) < 0.2
    assert (found > 0).mean() > 0.8


@pytest.mark.parametrize("noise", ["hum", "hiss"])
def test_pitch_is_found_in_hum_and_in_hiss(noise: str) -> None:
    rate, f0 = 16000, 130.0
    t = np.arange(rate) / rate
    spoken = sum(np.sin(2 * np.pi * f0 * k * t) / k for k in range(1, 20)) * (t > 0.5)
    random = np.random.default_rng(0)
    hum = 0.5 * np.sin(2 * np.pi * 60 * t) + 0.02 * random.standard_normal(rate)
    hiss = np.diff(random.standard_normal(rate + 1))
    heard = 0.1 * (spoken + (hum if noise == "hum" else hiss))
    found = pitch(heard.astype(np.float32), rate, 160)
    assert (found[:45] == 0).mean() > 0.9
    assert (np.abs(12 * np.log2(np.maximum(found[55:95], 1) / f0)) < 0.3).mean() > 0.9


@pytest.mark.parametrize(("depth", "speed"), [(0.2, 1), (0.3, 2)])
def test_pitch_is_found_in_a_low_and_hoarse_voice(depth: float, speed: float) -> None:
    rate, random = 16000, np.random.default_rng(0)
    t = np.arange(2 * rate) / rate
    f0 = 100 * 2 ** (depth * np.sin(2 * np.pi * speed * t))
    turns = np.cumsum(f0 / rate)
    voice = sum(np.cos(2 * np.pi * k * turns) for k in range(1, 20)) / 10
    breath = np.convolve(random.standard_normal(2 * rate), np.ones(8) / 8, "same")
    heard = 0.1 * (t > 0.5) * (voice + 0.4 * breath) + 0.001 * random.standard_normal(2 * rate)
    found = pitch(heard.astype(np.float32), rate, 160)
    assert not found[:45].any()
    wrong = np.abs(12 * np.log2(np.maximum(found[60:190], 1) / f0[80::160][60:190]))
    assert (wrong < 0.5).mean() > 0.9


def test_mel_cepstra_have_a_row_for_every_frame_begun() -> None:
    for samples in (1, 79, 80, 81, 4000):
        for hop in (80, 40):
            x = mfcc(torch.randn(samples) * 0.1, 8000, hop)
            assert x.shape == (-(-samples // hop), 39)
            assert x.isfinite().all()
    assert mfcc(torch.zeros(800), 8000, 80).isfinite().all()


def apart(a: Tensor, b: Tensor) -> Tensor:
    """Periods between two phases, at most half a one."""
    return (a - b - (a - b).round()).abs()


def test_the_phase_of_a_gliding_voice_is_measured() -> None:
    """Pulses whose pitch glides by a fifth, silence around them; F0 a little wrong."""
    f0 = torch.zeros(120)
    f0[20:100] = 140 * 2 ** torch.linspace(0, 0.6, 80)
    turns = (f0.repeat_interleave(FRAME).double() / RATE).cumsum(0)
    harmonics = torch.stack([torch.cos(2 * math.pi * k * turns) for k in range(1, 12)])
    audio = (0.05 * harmonics.sum(0) * (f0 > 0).repeat_interleave(FRAME)).float()
    audio += 1e-3 * torch.randn(len(audio))
    begin, step = phase(f0 * 1.02, RATE, FRAME, audio)
    assert (begin[f0 == 0] == 0).all()
    assert (step[f0 == 0] == 0).all()
    inner = slice(23, 97)
    assert apart(begin, turns[::FRAME].float())[inner].max() < 0.02
    assert (step * RATE / f0 - 1)[inner].abs().max() < 0.02


def test_without_a_recording_the_phase_is_the_integral_of_f0() -> None:
    f0 = torch.tensor([0.0, 100.0, 150.0, 0.0])
    begin, step = phase(f0, RATE, FRAME)
    assert apart(begin[2], begin[1] + 1.0) < 1e-6  # 100 Hz for 10 ms
    assert torch.allclose(step, f0 / RATE)
    assert torch.equal(torch.stack(phase(torch.zeros(3), RATE, FRAME)), torch.zeros(2, 3))
    assert torch.allclose(hertz(*octaves(f0)), f0)
