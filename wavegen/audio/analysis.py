"""The features of recordings."""

from __future__ import annotations

import torch
from torch import Tensor

from wavegen.audio.features import mel, octaves, phase, pitch
from wavegen.audio.local_features import LocalFeatures


def analyse(
    audio: Tensor, sample_rate: int, hop_length: int, mel_channels: int, f0: Tensor | None = None
) -> LocalFeatures:
    """Extract the features of a recording, without phonemes, as tensors.

    Args:
        audio: (T,) float32 in [-1, 1].
        sample_rate: Hz.
        hop_length: samples per frame.
        mel_channels: M, bands of the spectrogram.
        f0: (F,) Hz, if it is known already; F = ceil(T / hop_length).
    """
    if f0 is None:
        f0 = torch.from_numpy(pitch(audio.numpy(), sample_rate, hop_length))
    bands = mel(audio, sample_rate, hop_length, mel_channels)
    turns = phase(f0, sample_rate, hop_length, audio)
    return LocalFeatures(bands, bands.mean(0), *octaves(f0), *turns)
