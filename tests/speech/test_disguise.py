"""Spectrograms as others would make them."""

import numpy as np
import pytest
import torch

from wavegen.audio.mel_scale import mel_bank, mel_silence
from wavegen.speech.disguise import band_frequencies, disguise, warp

FREQUENCIES = band_frequencies(mel_bank(16000, 160, 80))


def hill(frequency: float) -> torch.Tensor:
    """(1, 80, 1) a resonance at a part of the highest frequency."""
    return -(((FREQUENCIES - frequency) / 0.05) ** 2)[None, :, None]


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.15])
@pytest.mark.parametrize("frequency", [0.1, 0.2, 0.4])
def test_resonances_move_by_the_factor(factor: float, frequency: float) -> None:
    moved = warp(hill(frequency), FREQUENCIES, torch.tensor([[1 / factor]]))
    expected = hill(frequency * factor)[0, :, 0].argmax()
    assert abs(int(moved[0, :, 0].argmax()) - int(expected)) <= 1


def test_the_ends_of_the_spectrum_stay() -> None:
    mel = torch.randn(3, 80, 5)
    moved = warp(mel, FREQUENCIES, torch.tensor([[0.8], [1.0], [1.2]]))
    assert torch.allclose(moved[:, -1], mel[:, -1], atol=1e-4)
    assert torch.allclose(moved[1], mel[1], atol=1e-4)


def test_each_spectrogram_is_disguised_in_a_way_of_its_own() -> None:
    mel = torch.randn(1, 80, 20).expand(40, -1, -1)
    first, same, other = (
        disguise(mel, FREQUENCIES, torch.Generator().manual_seed(n)) for n in (0, 0, 1)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert len(np.unique(first[:, 10, 0].numpy())) == 40
    assert first.min() >= mel_silence() - 1e-6
    silent = (first[:, -1] <= mel_silence() + 1e-6).all(1).sum()
    assert 0 < silent < 20  # some are narrow
