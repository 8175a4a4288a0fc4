"""Pre-emphasis: the network hears and makes x[t] - c·x[t - 1], and the inverse filter follows it.

What a network draws has noise, of µ-law steps and of its own doubt, that is as strong at high
frequencies as at low ones, where speech has most of its power. The inverse filter gives the noise
the slope of speech, which hides it (Valin & Skoglund 2019, LPCNet, §3.1, with c = 0.85).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter
from torch import Tensor


def emphasise(audio: Tensor, coefficient: float) -> Tensor:
    """(T,) amplitudes filtered, with silence before the first; values may go beyond ±1."""
    if not coefficient:
        return audio
    return torch.cat([audio[:1], audio[1:] - coefficient * audio[:-1]])


class Deemphasis:
    """The inverse, of one clip in pieces; how it is cut changes no bit.

    Args:
        coefficient: c.
        before: the sample before the first one.
    """

    def __init__(self, coefficient: float, before: float = 0.0) -> None:
        self.coefficient = coefficient
        self._state = np.array([coefficient * before])

    def __call__(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next piece, clipped to ±1."""
        if self.coefficient and len(audio):
            out, self._state = lfilter([1.0], [1.0, -self.coefficient], audio, zi=self._state)
            audio = out.astype(np.float32)
        return audio.clip(-1, 1)
