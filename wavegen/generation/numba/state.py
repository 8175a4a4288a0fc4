"""What the compiled step of the `numba` engine remembers."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wavegen.generation.numba.layout import TAIL, Floats, Integers, Network, aligned

APART = 16
"""Words from one to the next that two cores can write without disturbing each other."""
GATES, FOLLOWED, DRAWN, SHARED = (APART * i for i in range(4))
"""Places in `State.link`."""
CODES = 1 << 20
"""More than any output has."""
SCRATCH = "codes", "skip", "sums", "hidden", "logits", "probabilities", "cumulative"
"""What a thread that follows writes."""


class Part(IntEnum):
    """What a thread does to draw a sample: everything; or, where two share the work on a lone
    utterance, all up to the outputs of the gates, or what comes after them."""

    ALL = 0
    LEAD = 1
    FOLLOW = 2


AHEAD = 4
"""Samples for which a lone utterance computes its past taps at once, where they are known."""


class State(NamedTuple):
    """All that generation remembers of up to C utterances, in flat arrays of the shapes given.

    The first lanes are in use. All lanes share one clock, and every lane's past before its own
    first sample is zero.
    """

    link: Integers
    """What two threads that draw one utterance tell each other (see `links`). Samples are numbered,
    and no number is used again. At `GATES` stands how many gates are known, n · L and those of
    sample n; at `FOLLOWED` 1 + the number of the sample whose gates are multiplied; at `DRAWN` 1 +
    that of the last one drawn, times `CODES`, and its code; at `SHARED` how many samples of the
    last call two threads have drawn together."""
    queues: Floats
    """(slots of all blocks, C, R): the input of time t lies in slot t % slots of its block."""
    queue_offset: Integers
    """(L,) first slot of each block."""
    clock: Integers
    """(1,) samples drawn since the state was made."""
    code: Integers
    """(C,) last sample of each, or the start symbol."""
    until_row: Integers
    """(C,) samples until the next row of conditioning."""
    position: Integers
    """(C,) samples of each so far, including its prompt."""
    may_end: Integers
    """(C,) 1 where it may end by itself."""
    local: Floats
    """(C, L, 2R) the projected row of conditioning."""
    context_gates: Floats
    """(C, N, L, 2R) what each of N context stacks adds to the gates."""
    cond: Floats
    """(C, L, 2R) the sum of both."""
    context_codes: Integers
    """(C, P of all stacks) µ-law codes, of sample t at t % P."""
    context_queues: Floats
    """Per stack (slots of all its blocks, C, its channels): the input of frame k lies in slot
    k % slots of its block."""
    context_offset: Integers
    """(N + 1,) where each stack's queues begin."""
    code_offset: Integers
    """(N,) where each stack's codes begin in a row of ``context_codes``."""
    codes: NDArray[np.uint8]
    """Inputs of a product in int8, as `integers.round_inputs` writes them. From here on, scratch
    space."""
    x: Floats
    """(C, R) input of a block."""
    z: Floats
    """(C, 2R) inputs of the gates."""
    past_taps: Floats
    """(L, `AHEAD`, 2R) what the past taps of a lone utterance's next samples give."""
    gated: Floats
    """(C, L, R) outputs of the gates."""
    skip: Floats
    """(C, S)."""
    sums: NDArray[np.int32]
    """(S,) the skip sum in int8, while it is made by parts."""
    hidden: Floats
    """(C, S)."""
    logits: Floats
    """(C, Q), padded."""
    probabilities: Floats
    """(Q,) before they are divided by their sum."""
    cumulative: NDArray[np.float64]
    """(Q,) their cumulative sum."""
    next_row: Integers
    """(C,) rows of conditioning used in this call."""
    pooled: Floats
    """(P, channels) a frame's embeddings. From here on, as large as the largest stack needs."""
    context_x: Floats
    context_z: Floats
    context_gated: Floats
    context_skip: Floats


def new_state(net: Network, capacity: int) -> State:
    """A state of zeros for ``capacity`` utterances (C)."""
    layers, channels, n = len(net.dilations), net.channels, net.stacks
    slots = (net.kernel - 1) * net.dilations
    stack_sizes = (n.kernel - 1) * (2**n.layers - 1) * n.channels * capacity
    widest = int(n.channels.max(initial=0))
    most = int(net.matrices.entries[:, 2].max())
    return State(
        link=aligned(np.zeros(4 * APART, np.int64)),
        queues=_floats(int(slots.sum()), capacity, channels),
        queue_offset=np.cumsum(slots) - slots,
        clock=_integers(1),
        code=_integers(capacity),
        until_row=_integers(capacity),
        position=_integers(capacity),
        may_end=_integers(capacity),
        local=_floats(capacity, layers, 2 * channels),
        context_gates=_floats(capacity, len(n.pool), layers, 2 * channels),
        cond=_floats(capacity, layers, 2 * channels),
        context_codes=_integers(capacity * int(n.pool.sum())),
        context_queues=_floats(int(stack_sizes.sum())),
        context_offset=np.cumsum([0, *stack_sizes]),
        code_offset=np.cumsum(n.pool) - n.pool,
        codes=aligned(np.zeros((max(capacity, AHEAD), most + TAIL), np.uint8)),
        x=_floats(capacity, channels),
        z=_floats(capacity, 2 * channels),
        past_taps=_floats(layers, AHEAD, 2 * channels),
        gated=_floats(capacity, layers, channels),
        skip=_floats(capacity, net.skip),
        sums=aligned(np.zeros(net.skip, np.int32)),
        hidden=_floats(capacity, net.skip),
        logits=_floats(capacity, net.padded_levels),
        probabilities=_floats(net.padded_levels),
        cumulative=np.zeros(net.padded_levels),
        next_row=_integers(capacity),
        pooled=_floats(int((n.pool * n.channels * n.convolution).max(initial=0))),
        context_x=_floats(widest),
        context_z=_floats(2 * widest),
        context_gated=_floats(int((n.layers * n.channels).max(initial=0))),
        context_skip=_floats(widest),
    )


def scratch(state: State) -> State:
    """The same state with scratch space of its own, for a second thread."""
    return state._replace(**{s: aligned(np.zeros_like(getattr(state, s))) for s in SCRATCH})


def _floats(*shape: int) -> Floats:
    """Flat zeros that begin on a cache line."""
    return aligned(np.zeros(shape, np.float32))


def _integers(count: int) -> Integers:
    return np.zeros(count, np.int64)
