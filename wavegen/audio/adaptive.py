"""Backward-adaptive linear prediction: filters that follow the samples already known.

Nothing about them has to be sent or planned, so they serve lossless compression. The first filter
has the least squared error over the last hundredths of a second; those after it predict its
residual by normalised least mean squares (a cascade as in Monkey's Audio and in the RLS-LMS mode
of MPEG-4 ALS, Huang, Franti, Huang and Rahardja 2006). The network models the excitation that is
left, relative to its recent size, and is given what all of them say.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.adaptive_state import new_state
from wavegen.audio.taps import INPUTS
from wavegen.compiled import Compiled

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 32768
"""Steps of 16 bits in full scale."""
_run = Compiled("wavegen.audio.adaptive_loop", "run", "adaptive prediction")


class Analysis(NamedTuple):
    """A recording, predicted sample by sample."""

    excitation: NDArray[np.float64]
    """(n,)."""
    gains: NDArray[np.float64]
    """(n,) steps of 16 bits in an excitation of 1."""
    inputs: NDArray[np.float32]
    """(n, INPUTS) of the network."""


def analyse(samples: NDArray[np.float64], known: int = 0) -> Analysis:
    """Predict a recording.

    Args:
        samples: (known + n,) in steps of 16 bits.
        known: first samples, which are only adapted to.
    """
    count = len(samples) - known
    excitation, gains = np.empty((2, count))
    inputs = np.empty(count * INPUTS, np.float32)
    sound = np.ascontiguousarray(samples, np.float64)
    _run(new_state(), sound, known, excitation, gains, inputs)
    return Analysis(excitation, gains, inputs.reshape(count, INPUTS))


@dataclass(frozen=True)
class AdaptivePredictor:
    """In the place of a `wavegen.audio.linear_prediction.Predictor`, for any recording."""

    reach: int = sys.maxsize
    """All of the past affects a sample."""

    def excitation(self, audio: Tensor, first: int = 0, known: int = 0) -> Tensor:
        """As `Predictor.excitation`; the excerpt's past must reach back to the beginning."""
        return self.inputs(audio, first, known)[0]

    def inputs(self, audio: Tensor, first: int = 0, known: int = 0) -> tuple[Tensor, Tensor]:
        """As `Predictor.inputs`; the excerpt's past must reach back to the beginning."""
        import torch

        found = analyse(_steps(audio), known)
        excitation = found.excitation.astype(np.float32)
        return torch.from_numpy(excitation), torch.from_numpy(found.inputs)

    def cells(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """As `Predictor.cells`."""
        import torch

        samples = _steps(audio)
        found = analyse(samples)
        low = np.where(samples <= -STEPS, -np.inf, found.excitation - 0.5 / found.gains)
        high = np.where(samples >= STEPS - 1, np.inf, found.excitation + 0.5 / found.gains)
        return torch.from_numpy(low), torch.from_numpy(high)


def _steps(audio: Tensor) -> NDArray[np.float64]:
    """Amplitudes in steps of 16 bits."""
    steps: NDArray[np.float64] = np.rint(audio.cpu().numpy().astype(np.float64) * STEPS)
    return steps.clip(-STEPS, STEPS - 1)
