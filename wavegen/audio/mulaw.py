"""µ-law companding (ITU-T G.711's curve, µ = 255) to 256 codes."""

import torch
import torchaudio.functional as AF
from torch import Tensor

LEVELS = 256
SILENCE = 128
"""The code of amplitude 0."""


def encode(audio: Tensor) -> Tensor:
    """Amplitudes to codes.

    Args:
        audio: any shape, floating point, in [-1, 1] (values beyond are clamped).

    Returns:
        int64 codes in 0…255, same shape; the mapping of
        `torchaudio.functional.mu_law_encoding`.
    """
    codes: Tensor = AF.mu_law_encoding(audio.clamp(-1.0, 1.0), LEVELS)
    return codes


def decode(codes: Tensor) -> Tensor:
    """Codes (integers in 0…255, any shape) to float32 amplitudes in [-1, 1].

    The inverse up to rounding: ``encode(decode(codes)) == codes`` for all 256 codes. The two
    codes nearest zero are not symmetric about it; `SILENCE` decodes to +0.00004.
    """
    audio: Tensor = AF.mu_law_decoding(codes.to(torch.float32), LEVELS)
    return audio
