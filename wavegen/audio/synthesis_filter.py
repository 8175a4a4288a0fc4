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
    """Filter (n,) samples of ``excitation``, from sample ``first`` on. ``residual`` and ``sound``
    end with n samples to be filled in, after those known; ``power`` (1,) moves on."""
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


_compiled: Any = compile_entry(_run, "synthesis_filter")


class Synthesis:
    """Excitation to sound, of one clip in pieces; how it is cut changes no bit.

    Args:
        predictor: that of the excitation.
        before: (N,) the sound before it, which the frames begin with.
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
        self._at = len(known)
        self._residual = _last(p.residual(torch.from_numpy(known)).numpy(), p.reach)
        self._sound = _last(known, p.order)

    def __call__(self, excitation: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next piece, clipped to ±1."""
        count = len(excitation)
        residual, sound = (np.append(x, np.zeros(count)) for x in (self._residual, self._sound))
        wanted = excitation.astype(np.float64)
        _compiled(self._at, *self._filter, wanted, residual, sound)
        self._at += count
        self._residual, self._sound = residual[count:], sound[count:]
        made: NDArray[np.float32] = sound[len(sound) - count :].astype(np.float32).clip(-1, 1)
        return made


def _last(values: NDArray[np.float32], count: int) -> Doubles:
    """The last values, after zeros where there are too few."""
    known = values[max(0, len(values) - count) :].astype(np.float64)
    return np.pad(known, (count - len(known), 0))
