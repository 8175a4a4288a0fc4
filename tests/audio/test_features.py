"""Acoustic features at frame rate."""

import numpy as np
import pytest
import torch

from wavegen.audio.features import mel, mel_silence, mfcc, octaves, pitch


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
    assert torch.all(bands[:, :47] == mel_silence())
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


def test_mel_cepstra_have_a_row_for_every_frame_begun() -> None:
    for samples in (1, 79, 80, 81, 4000):
        for hop in (80, 40):
            x = mfcc(torch.randn(samples) * 0.1, 8000, hop)
            assert x.shape == (-(-samples // hop), 39)
            assert x.isfinite().all()
    assert mfcc(torch.zeros(800), 8000, 80).isfinite().all()
