"""µ-law companding to 256 codes (the curve of ITU-T G.711, µ = 255)."""

import math

import numpy as np
from numpy.typing import NDArray

LEVELS = 256
SILENCE = 128
"""The code of amplitude 0."""
MU = LEVELS - 1


def encode(audio: NDArray[np.floating]) -> NDArray[np.int64]:
    """Encode amplitudes.

    Args:
        audio: any shape, in [-1, 1]; values beyond are clamped.

    Returns:
        Codes in 0…255 of the same shape, as by `torchaudio.functional.mu_law_encoding`.
    """
    x = audio.clip(-1, 1)
    companded = np.sign(x) * np.log1p(MU * np.abs(x)) / math.log1p(MU)
    codes: NDArray[np.int64] = ((companded + 1) / 2 * MU + 0.5).astype(np.int64)
    return codes


def decode(codes: NDArray[np.integer]) -> NDArray[np.float32]:
    """Decode codes in 0…255 of any shape to amplitudes in [-1, 1].

    The inverse of `encode` up to rounding: ``encode(decode(codes)) == codes`` for all 256 codes.
    The two codes nearest to zero are not symmetric; `SILENCE` decodes to +0.00004.
    """
    audio: NDArray[np.float32] = _AMPLITUDES[codes]
    return audio


def edges() -> NDArray[np.float64]:
    """(LEVELS + 1,) amplitudes: code c stands for those between edges c and c + 1."""
    return _expanded(np.r_[0, np.arange(1, LEVELS) - 0.5, MU])


def _expanded(codes: NDArray[np.floating]) -> NDArray[np.float64]:
    x = codes / MU * 2 - 1
    out: NDArray[np.float64] = np.sign(x) * np.expm1(np.abs(x) * math.log1p(MU)) / MU
    return out


def _amplitudes() -> NDArray[np.float32]:
    return _expanded(np.arange(LEVELS, dtype=np.float64)).astype(np.float32)


_AMPLITUDES = _amplitudes()
