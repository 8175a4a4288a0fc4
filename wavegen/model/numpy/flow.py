"""`wavegen.model.flow` for one utterance."""

from __future__ import annotations

import math

import numpy as np

from wavegen.model.numpy.layers import Floats, convolve, linear, normalise, silu
from wavegen.model.weights import Weights

DILATIONS = (1, 2, 4, 8)
"""Of the blocks, over and over."""
WAVES = 16
"""Sines, and cosines, that encode the time."""


def velocity(w: Weights, x: Floats, time: float, condition: Floats) -> Floats:
    """What moves a point on its way from noise to data: `Flow.velocity`.

    Args:
        w: of the flow.
        x: (F, C).
        time: from 0, noise, to 1, data.
        condition: (F, conditions).

    Returns:
        (F, C).
    """
    rates = np.logspace(-2, 3, WAVES, base=2) * 2 * math.pi
    waves = np.concatenate([np.sin(time * rates), np.cos(time * rates)]).astype(np.float32)
    y = convolve(w.part("first"), np.concatenate([x, condition], 1))
    for number, block in enumerate(w.parts("blocks")):
        scale, shift = np.split(linear(block.part("time"), waves), 2)
        z = normalise(y) * (1 + scale) + shift
        z = convolve(block.part("conv"), z, DILATIONS[number % len(DILATIONS)])
        y = y + convolve(block.part("out"), silu(z))
    return convolve(w.part("last"), silu(y))


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
    x, step = noise * where, np.float32(1 / steps)
    for n in range(steps):
        half = x + velocity(w, x, n / steps, condition) * where * (step / 2)
        x = x + velocity(w, half, (n + 0.5) / steps, condition) * where * step
    return x
