"""The compiled loop of the synthesis filter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wavegen.compiling import compile_inner

Doubles = NDArray[np.float64]


@compile_inner
def run(
    first: int,
    hop: int,
    gains: Doubles,
    coefficients: Doubles,
    excitation: Doubles,
    sound: Doubles,
) -> int:
    """Filter (n,) samples of ``excitation``, the first of which is sample ``first`` of the clip.

    ``sound`` begins with the known past and ends with n samples to be filled in.
    """
    order = coefficients.shape[1]
    for t in range(len(excitation)):
        frame = min((first + t) // hop, len(gains) - 1)
        x = gains[frame] * excitation[t]
        for k in range(order):
            x += coefficients[frame, k] * sound[order + t - 1 - k]
        sound[order + t] = x
    return len(excitation)
