"""Acoustic features at frame rate."""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torchaudio.functional as AF
import torchaudio.transforms as AT
from torch import Tensor

CEPSTRA = 13


def mfcc(audio: Tensor, sample_rate: int, hop_length: int, orders: int = 1) -> Tensor:
    """Mel-frequency cepstral coefficients and their differences over time.

    Windows of 25 ms centred on the middle of each frame; 26 mel bands to half the rate.

    Args:
        audio: (T,) float32 in [-1, 1].
        sample_rate: Hz.
        hop_length: samples per frame.
        orders: of differences: 1, or 2 for the differences' own too.

    Returns:
        (F, 13 · (1 + orders)) float32, F = ceil(T / hop_length).
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
    rows = [transform(padded)]  # (13, F)
    width = 5 if hop_length * 100 >= sample_rate else 9  # about 50 ms
    for _ in range(orders):
        rows.append(AF.compute_deltas(rows[-1], width))
    return torch.cat(rows).t()
