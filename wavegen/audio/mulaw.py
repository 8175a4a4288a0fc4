"""µ-law companding to 256 codes (the curve of ITU-T G.711, µ = 255)."""

import torch
import torchaudio.functional as AF
from torch import Tensor

LEVELS = 256
SILENCE = 128
"""The code of amplitude 0."""


def encode(audio: Tensor) -> Tensor:
    """Encode amplitudes.

    Args:
        audio: any shape, floating point in [-1, 1]; values beyond are clamped.

    Returns:
        int64 codes in 0…255 of the same shape, as by `torchaudio.functional.mu_law_encoding`.
    """
    codes: Tensor = AF.mu_law_encoding(audio.clamp(-1.0, 1.0), LEVELS)
    return codes


def decode(codes: Tensor) -> Tensor:
    """Decode codes (integers in 0…255, any shape) to float32 amplitudes in [-1, 1].

    The inverse of `encode` up to rounding: ``encode(decode(codes)) == codes`` for all 256 codes.
    The two codes nearest to zero are not symmetric; `SILENCE` decodes to +0.00004.
    """
    audio: Tensor = AF.mu_law_decoding(codes.to(torch.float32), LEVELS)
    return audio
