"""The synthesis filter of `wavegen.audio.linear_prediction`, compiled: excitation to sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.filters import Filters
from wavegen.compiled import Compiled

if TYPE_CHECKING:
    from wavegen.audio.linear_prediction import Predictor

Doubles = NDArray[np.float64]


_run = Compiled("wavegen.audio.filter_loop", "run", "the synthesis filter")


class Synthesis:
    """Excitation to sound, piece by piece; the size of the pieces changes no bit.

    Args:
        predictor: made for the clip.
        before: (N,) the sound that the clip continues; the predictor's frames begin with it.
        first: index of the first sample, where ``before`` begins or, without it, the excitation.
    """

    def __init__(
        self,
        predictor: Filters | Predictor,
        before: NDArray[np.float32] | None = None,
        first: int = 0,
    ) -> None:
        p = predictor
        self._filter: tuple[Any, ...] = (
            p.hop_length,
            np.ascontiguousarray(p.gains, np.float64),
            np.ascontiguousarray(p.coefficients, np.float64),
        )
        known = np.zeros(0, np.float32) if before is None else before
        self._position = first + len(known)
        self._sound = _last(known, p.order)

    def __call__(self, excitation: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next piece, clipped to ±1."""
        piece: NDArray[np.float32] = self.unclipped(excitation).astype(np.float32).clip(-1, 1)
        return piece

    def unclipped(self, excitation: NDArray[np.float32]) -> Doubles:
        """The next piece, as what follows it depends on it."""
        count = len(excitation)
        sound = np.append(self._sound, np.zeros(count))
        _run(self._position, *self._filter, excitation.astype(np.float64), sound)
        self._position += count
        self._sound = sound[count:]
        return sound[len(sound) - count :]


def _last(values: NDArray[np.float32], count: int) -> Doubles:
    """The last ``count`` values, after zeros if there are fewer."""
    known = values[max(0, len(values) - count) :].astype(np.float64)
    return np.pad(known, (count - len(known), 0))
