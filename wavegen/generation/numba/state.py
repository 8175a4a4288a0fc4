"""What the compiled step of the `numba` engine remembers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wavegen.generation.numba.packing import Floats, Integers


class State(NamedTuple):
    """All that generation remembers of up to C utterances, in flat arrays of the shapes given.

    The first lanes are in use. All lanes share one clock, and every lane's past before its own
    first sample is zero.
    """

    queues: Floats
    """(slots of all blocks, C, R): the input of time t lies in slot t % slots of its block."""
    first: Integers
    """(L,) first slot of each block."""
    clock: Integers
    """(1,) samples drawn since the state was made."""
    code: Integers
    """(C,) last sample of each, or the start symbol."""
    wait: Integers
    """(C,) samples until the next row of conditioning."""
    age: Integers
    """(C,) samples of each so far, its prompt's among them."""
    ends: Integers
    """(C,) 1 where it may end by itself."""
    local: Floats
    """(C, L, 2R) the projected row of conditioning."""
    gates: Floats
    """(C, N, L, 2R) what each of N context stacks gives."""
    cond: Floats
    """(C, L, 2R) the sum of both."""
    heard: Integers
    """(C, P of all stacks) µ-law codes, of sample t at t % P."""
    memory: Floats
    """Per stack (slots of all its blocks, C, its channels): the input of frame k lies in slot
    k % slots of its block."""
    place: Integers
    """(N + 1,) where each stack's memory begins."""
    ring: Integers
    """(N,) where each stack's codes begin in a row of ``heard``."""
    x: Floats
    """(C, R), and from here on scratch space: the input of a block."""
    z: Floats
    """(C, 2R) inputs of the gates."""
    ahead: Floats
    """(L, `AHEAD`, 2R) past taps of the next samples."""
    passed: Floats
    """(C, L, R) what the gates let pass."""
    skip: Floats
    """(C, S)."""
    hidden: Floats
    """(C, S)."""
    logits: Floats
    """(C, Q), padded."""
    weights: Floats
    """(Q,) probabilities before they are divided by their sum."""
    sums: NDArray[np.float64]
    """(Q,) their cumulative sum."""
    frame: Integers
    """(C,) rows used in this call."""
    pooled: Floats
    """(P, channels) a frame's embeddings, of the largest stack; below, likewise."""
    deep_x: Floats
    deep_z: Floats
    deep_passed: Floats
    deep_skip: Floats
