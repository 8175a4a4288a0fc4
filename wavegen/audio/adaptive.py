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
from typing import TYPE_CHECKING

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


def analyse(
    samples: NDArray[np.float64], known: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Predict a recording sample by sample.

    Args:
        samples: (known + n,) in steps of 16 bits.
        known: first samples, which are only adapted to.

    Returns:
        (n,) excitation, and (n, INPUTS) inputs of the network.
    """
    count = len(samples) - known
    excitation = np.empty(count)
    inputs = np.empty(count * INPUTS, np.float32)
    _run(new_state(), np.ascontiguousarray(samples, np.float64), known, excitation, inputs)
    return excitation.astype(np.float32), inputs.reshape(count, INPUTS)


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

        samples = np.rint(audio.cpu().numpy().astype(np.float64) * STEPS)
        excitation, inputs = analyse(samples, known)
        return torch.from_numpy(excitation), torch.from_numpy(inputs)
