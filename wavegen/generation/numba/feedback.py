"""The inputs of linear prediction in the `numba` engine, from the samples as they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.filters import Filters, compress
from wavegen.audio.taps import INPUTS, TAPS
from wavegen.generation.numba.layout import Doubles, Feedback, Integers

if TYPE_CHECKING:
    from wavegen.audio.linear_prediction import Predictor


class Past:
    """What linear prediction needs of one utterance's past.

    Args:
        predictor: of the utterance.
        excitation: (N,) float64, from `prompt_sound`.
        sound: (N,) float64.
    """

    def __init__(self, predictor: Filters | Predictor, excitation: Doubles, sound: Doubles) -> None:
        self.coefficients: Doubles = np.asarray(predictor.coefficients, np.float64)
        self.gains: Doubles = np.asarray(predictor.gains, np.float64)
        self.lags: Integers = np.asarray(predictor.lags)
        self.sound = _last(sound, predictor.order)
        self.excitation = _last(compress(excitation), int(self.lags.max()) + TAPS // 2)

    def keep(self, feedback: Feedback, lane: int, count: int) -> None:
        """Remember what a call that drew ``count`` samples has left in a lane."""
        drawn = len(self.sound) + count
        self.sound = _last(feedback.sound[lane, :drawn], len(self.sound))
        drawn = feedback.known + count
        self.excitation = _last(feedback.excitation[lane, :drawn], len(self.excitation))


def gather(pasts: Sequence[tuple[int, Past]], frames: int, count: int) -> Feedback:
    """The feedback of a call.

    Args:
        pasts: of each utterance, the first of its frames (see `Feedback.coefficients`), and its
            past.
        frames: F.
        count: n.
    """
    size = len(pasts)
    order = max((len(p.sound) for _, p in pasts), default=0)
    known = max((len(p.excitation) for _, p in pasts), default=0)
    out = Feedback(
        np.empty((size, frames, order)),
        np.empty((size, frames)),
        np.empty((size, frames), np.int64),
        np.empty((size, order + count)),
        np.zeros((size, known + count)),
        known,
        np.empty(size * INPUTS, np.float32),
    )
    for lane, (first, past) in enumerate(pasts):
        at = np.arange(first, first + frames).clip(0, len(past.gains) - 1)
        out.coefficients[lane] = past.coefficients[at]
        out.gains[lane] = past.gains[at]
        out.lags[lane] = past.lags[at]
        out.sound[lane, :order] = past.sound
        out.excitation[lane, known - len(past.excitation) : known] = past.excitation
    return out


def _last(values: Doubles, count: int) -> Doubles:
    """A copy of the last ``count`` of (N,) values, after zeros if there are fewer."""
    known = values[max(0, len(values) - count) :]
    return np.append(np.zeros(count - len(known)), known)
