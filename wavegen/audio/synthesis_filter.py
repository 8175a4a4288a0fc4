"""The synthesis filter of `wavegen.audio.linear_prediction`, compiled: excitation to sound."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wavegen.audio.linear_prediction import LIMIT, Predictor
from wavegen.compiled import compile_entry

Doubles = NDArray[np.float64]


def _run(
    first: int,
    hop: int,
    gains: Doubles,
    coefficients: Doubles,
    taps: Doubles,
    lags: NDArray[np.int64],
    smooth: float,
    power: Doubles,
    excitation: Doubles,
    residual: Doubles,
    sound: Doubles,
) -> None:
    """Filter (n,) samples of ``excitation``, the first of which is sample ``first`` of the clip.

    ``residual`` and ``sound`` begin with the known past and end with n samples to be filled in;
    ``power`` (1,) is updated.
    """
    count, order = len(excitation), coefficients.shape[1]
    known = len(residual) - count
    for t in range(count):
        frame = min((first + t) // hop, len(gains) - 1)
        x = excitation[t]
        if smooth > 0:
            power[0] += (x * x - power[0]) / smooth
            if power[0] > LIMIT * LIMIT:
                x *= LIMIT / math.sqrt(power[0])
        for j in range(taps.shape[1]):
            x += taps[frame, j] * residual[known + t - lags[frame] - j]
        residual[known + t] = x
        x *= gains[frame]
        for k in range(order):
            x += coefficients[frame, k] * sound[order + t - 1 - k]
        sound[order + t] = x


_run_compiled: Any = compile_entry(_run, "synthesis_filter")


class Synthesis:
    """Excitation to sound, piece by piece; the size of the pieces changes no bit.

    Args:
        predictor: made for the clip.
        before: (N,) the sound that the clip continues; the predictor's frames begin with it.
    """

    def __init__(self, predictor: Predictor, before: NDArray[np.float32] | None = None) -> None:
        p = predictor
        self._filter: tuple[Any, ...] = (
            p.hop_length,
            p.gains.double().numpy(),
            p.coefficients.double().numpy(),
            p.taps.double().numpy(),
            p.lags.numpy(),
            float(p.smooth),
            np.zeros(1),
        )
        known = np.zeros(0, np.float32) if before is None else before
        self._position = len(known)
        self._residual = _last(p.residual(torch.from_numpy(known)).numpy(), p.reach)
        self._sound = _last(known, p.order)

    def __call__(self, excitation: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next piece, clipped to ±1."""
        count = len(excitation)
        residual, sound = (np.append(x, np.zeros(count)) for x in (self._residual, self._sound))
        _run_compiled(self._position, *self._filter, excitation.astype(np.float64), residual, sound)
        self._position += count
        self._residual, self._sound = residual[count:], sound[count:]
        piece: NDArray[np.float32] = sound[len(sound) - count :].astype(np.float32).clip(-1, 1)
        return piece


def _last(values: NDArray[np.float32], count: int) -> Doubles:
    """The last ``count`` values, after zeros if there are fewer."""
    known = values[max(0, len(values) - count) :].astype(np.float64)
    return np.pad(known, (count - len(known), 0))
