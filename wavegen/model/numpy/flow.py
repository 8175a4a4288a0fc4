"""`wavegen.model.flow` for one utterance."""

from __future__ import annotations

import math

import numpy as np

from wavegen.compiled import Compiled
from wavegen.model.weights import Weights
from wavegen.products import STRIP, Floats, convolve

DILATIONS = (1, 2, 4, 8)
"""Of the blocks, over and over."""
WAVES = 16
"""Sines, and cosines, that encode the time."""
WIDTH = 16
"""As of `wavegen.vectors`."""

_run = Compiled("wavegen.model.numpy.flow_loop", "run", "the acoustic model")


class Velocity:
    """What moves a point on its way from noise to data: `Flow.velocity`.

    Args:
        w: of the flow.
        frames: F.
    """

    def __init__(self, w: Weights, frames: int) -> None:
        blocks = w.parts("blocks")

        def stacked(name: str) -> Floats:
            return np.stack([b[name] for b in blocks])

        count, width = len(blocks), w["first.bias"].size
        time = stacked("time.weight")
        self._time = time.reshape(-1, time.shape[2], 1), stacked("time.bias").reshape(-1)
        self._weights = (
            *(w[f"first.{name}"].reshape(-1) for name in ("weight", "bias")),
            *(
                stacked(f"{layer}.{name}").reshape(count, -1)
                for layer in ("conv", "out")
                for name in ("weight", "bias")
            ),
            *(w[f"last.{name}"].reshape(-1) for name in ("weight", "bias")),
            np.resize(DILATIONS, count),
        )
        self._sizes = frames, *w["first.weight"].shape[1::-1], w["last.bias"].size
        most = max(w["first.weight"].size, blocks[0]["conv.weight"].size) // width
        scratch = (np.empty(frames * width + WIDTH, np.float32) for _ in range(3))
        self._space = np.ones(width, np.float32), np.empty(most * STRIP, np.float32), *scratch

    def __call__(self, x: Floats, time: float, condition: Floats) -> Floats:
        """
        Args:
            x: (F, C).
            time: from 0, noise, to 1, data.
            condition: (F, conditions).

        Returns:
            (F, C).
        """
        rates = np.logspace(-2, 3, WAVES, base=2) * 2 * math.pi
        waves = np.concatenate([np.sin(time * rates), np.cos(time * rates)])
        modulation = convolve(waves[None], *self._time).reshape(len(self._weights[-1]), -1)
        joined = np.concatenate([x, condition], 1).reshape(-1)
        velocity = np.empty(x.size, np.float32)
        _run(joined, *self._sizes, *self._weights, modulation, *self._space, velocity)
        return velocity.reshape(x.shape)


def sample(w: Weights, noise: Floats, condition: Floats, where: Floats, steps: int) -> Floats:
    """`Flow.sample`: move noise to data by the midpoint rule.

    Args:
        w: of the flow.
        noise: (F, C).
        condition: (F, conditions).
        where: (F, 1) 1 in the frames that have data, else 0.
        steps: of equal length.

    Returns:
        (F, C), 0 outside ``where``.
    """
    x, step, velocity = noise * where, np.float32(1 / steps), Velocity(w, len(noise))
    for n in range(steps):
        half = x + velocity(x, n / steps, condition) * where * (step / 2)
        x = x + velocity(half, (n + 0.5) / steps, condition) * where * step
    return x
