"""What backward-adaptive prediction remembers, and its settings; see `wavegen.audio.adaptive`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

ORDER = 16
"""Taps of the filter of least squares."""
FORGETTING = 0.994
"""Weight of a sample relative to the next one, in its sums: they see about 170 samples."""
RIDGE = 1.0
"""Added to the mean square of a sample, in squared steps of 16 bits."""
INTERVAL = 2
"""Samples between its solutions."""
STAGES = (32, 16)
"""Taps of the filters after it, each of the residual of the one before."""
RATE = 0.005
"""Step size of their normalised least mean squares."""
LEVELS = (0.98, 0.85, 0.998)
"""Forgetting of the residual's mean size: for the gain, and of a shorter and a longer time."""
FAINTEST = 0.1
"""Added to that mean, in steps of 16 bits."""
HEADROOM = 16.0
"""Gain relative to it: larger residuals are clipped in what the network is given."""


class State(NamedTuple):
    """What prediction remembers of a channel, and its scratch space."""

    past: Doubles
    """(ORDER,) the last samples, the newest first, in steps of 16 bits."""
    products: Doubles
    """(ORDER, ORDER) sums of products of past samples, the lower triangle."""
    wanted: Doubles
    """(ORDER,) sums of their products with the samples that followed."""
    filter: Doubles
    """(ORDER,)."""
    factor: Doubles
    """(ORDER, ORDER) of Cholesky's decomposition."""
    solution: Doubles
    """(ORDER,)."""
    residuals: Doubles
    """(taps of all stages,) the last inputs of each stage, the newest first."""
    weights: Doubles
    """Likewise."""
    energies: Doubles
    """(stages,) sums of the squares of these inputs."""
    outputs: Doubles
    """(1 + stages,) the last prediction of each filter."""
    levels: Doubles
    """(3,) mean size of the residual, by `LEVELS`."""
    clock: NDArray[np.int64]
    """(1,) samples so far."""


def new_state() -> State:
    """Before the first sample."""
    taps, stages = sum(STAGES), len(STAGES)
    return State(
        past=np.zeros(ORDER),
        products=np.zeros(ORDER * ORDER),
        wanted=np.zeros(ORDER),
        filter=np.zeros(ORDER),
        factor=np.zeros(ORDER * ORDER),
        solution=np.zeros(ORDER),
        residuals=np.zeros(taps),
        weights=np.zeros(taps),
        energies=np.zeros(stages),
        outputs=np.zeros(1 + stages),
        levels=np.zeros(len(LEVELS)),
        clock=np.zeros(1, np.int64),
    )
