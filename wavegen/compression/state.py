"""What the compiled loop of compression remembers of a channel, and its settings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wavegen.audio.taps import INPUTS
from wavegen.generation.numba.layout import Doubles, Floats, Integers, aligned

SCALES = (0.15, 0.3, 0.6, 1.2, 2.4)
"""Scales of the logistic distributions around the filters' prediction, relative to the residual's
recent size."""
CONFIDENCE = 0.9
"""Weight of the network's distribution at first; the others share the rest."""
RENEWAL = 0.02
"""Part of all weight that is dealt out anew with every sample, so that none is ever lost."""
BOUND = 20
"""Logistic distributions end at so many scales; what is beyond has the coder's least probability.
"""
CELLS = 256
"""Cells of the table in one scale; between them lies a straight line."""
CELL_BITS, UNIT_BITS, WEIGHT_BITS = 12, 30, 28
"""Bits of a place within a cell, of a probability, and of a weight."""


class Mixture(NamedTuple):
    """The distribution of the next sample, and what its weights are learnt from."""

    table: Integers
    """(2 · BOUND · CELLS + 1,) the logistic distribution function, in units of 2^-UNIT_BITS."""
    means: Doubles
    """(E + K,) of the E logistic distributions around the prediction and the K of the network, in
    steps of 16 bits."""
    sharpness: Doubles
    """(E + K,) reciprocals of their scales."""
    weights: Integers
    """(E + K,) in units of 2^-WEIGHT_BITS, about."""
    total: Integers
    """(1,) their sum."""
    shares: Doubles
    """(E + 1,) weights of the E, and of the network."""
    likelihoods: Doubles
    """(E + 1,) of the last sample."""
    parts: Doubles
    """(K,) weights of the network's components."""
    prediction: Doubles
    """(1,) of the filters."""
    inputs: Floats
    """(INPUTS,) of the network."""
    ready: Integers
    """(1,) 1 once there is a distribution."""


def new_mixture(components: int) -> Mixture:
    """Before the first sample, for a network with K components."""
    known = len(SCALES)
    shares = np.full(known + 1, (1 - CONFIDENCE) / known)
    shares[-1] = CONFIDENCE
    return Mixture(
        table=np.zeros(2 * BOUND * CELLS + 1, np.int64),
        means=np.zeros(known + components),
        sharpness=np.zeros(known + components),
        weights=np.zeros(known + components, np.int64),
        total=np.zeros(1, np.int64),
        shares=shares,
        likelihoods=np.zeros(known + 1),
        parts=np.zeros(components),
        prediction=np.zeros(1),
        inputs=aligned(np.zeros(INPUTS, np.float32)),
        ready=np.zeros(1, np.int64),
    )
