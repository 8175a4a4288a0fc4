"""The fundamental frequency, as the networks are given it."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

MIDDLE_PITCH = 160.0
"""Hz; the reference of F0 in octaves."""
A = TypeVar("A")


def hertz(voicing: A, octaves: A) -> A:
    """The inverse of `features.octaves`: F0 in Hz, 0 where unvoiced; arrays or tensors."""
    given: Any = octaves
    found: A = MIDDLE_PITCH * 2.0**given * (voicing > 0)  # type: ignore[operator]
    return found


def steps(
    f0: NDArray[np.float32], sample_rate: int, hop_length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The integral of F0.

    Args:
        f0: (F,) Hz, 0 where unvoiced; at least one frame is voiced.
        sample_rate: Hz.
        hop_length: samples per frame.

    Returns:
        (F,) periods per sample, where unvoiced frames keep the last pitch; and (F + 1,) periods up
        to each frame's first sample, and the end.
    """
    last = np.maximum.accumulate(np.where(f0 > 0, np.arange(len(f0)), 0))
    rate = np.maximum(f0.astype(np.float64)[last], 1) / sample_rate
    return rate, np.concatenate([[0.0], (rate * hop_length).cumsum()])


def running_phase(
    f0: NDArray[np.float32], sample_rate: int, hop_length: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`features.phase` without a recording: the integral of F0."""
    voiced = f0 > 0
    if not voiced.any():
        return np.zeros(len(f0), np.float32), np.zeros(len(f0), np.float32)
    rate, edges = steps(f0, sample_rate, hop_length)
    return (edges[:-1] % 1 * voiced).astype(np.float32), (rate * voiced).astype(np.float32)
