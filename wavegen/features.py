"""Acoustic features at frame rate."""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torchaudio.functional as AF
import torchaudio.transforms as AT
from torch import Tensor

CEPSTRA = 13


def mfcc(audio: Tensor, sample_rate: int, hop_length: int) -> Tensor:
    """Mel-frequency cepstral coefficients and their first differences over time.

    Windows of 25 ms centred on the middle of each frame; 26 mel bands to half the rate.

    Args:
        audio: (T,) float32 in [-1, 1].
        sample_rate: Hz.
        hop_length: samples per frame.

    Returns:
        (F, 26) float32, F = ceil(T / hop_length).
    """
    frames = -(-audio.shape[0] // hop_length)
    window = sample_rate // 40
    size = max(256, 1 << (window - 1).bit_length())
    # A floor of about one 16-bit step keeps digital silence finite.
    floor = torch.randn(audio.shape, generator=torch.Generator().manual_seed(0)) * 3e-5
    transform = AT.MFCC(
        sample_rate,
        CEPSTRA,
        melkwargs={
            "n_fft": size,
            "win_length": window,
            "hop_length": hop_length,
            "n_mels": 26,
            "center": False,
        },
    )
    total = (frames - 1) * hop_length + size
    left = (size - hop_length) // 2
    padded = F.pad(audio + floor, (left, max(0, total - left - audio.shape[0])))[:total]
    c = transform(padded)  # (13, F)
    return torch.cat([c, AF.compute_deltas(c, 5)]).t()
