"""What the compiled step of the `numba` engine reads: a network as flat arrays.

Channels are padded with zeros to a multiple of `HALF`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]

PANEL = 64
"""Outputs in one panel of a packed matrix; a last one may be `HALF` as wide."""
HALF = 32
LINE = 64
"""Bytes of a cache line."""
ROWS = 4
"""Inputs that are multiplied between two jumps of a loop."""
QUAD = 4
"""Inputs whose weights of one output lie together in int8."""
GROUP = 16
"""Outputs of a block of a sparse matrix, which has `QUAD` inputs."""
ZERO = 128
"""What an input of 0 is rounded to in int8."""
TAIL = 64
"""Bytes after the rounded inputs of a product in int8; the first hold their scale."""


def aligned(array: NDArray[Any]) -> NDArray[Any]:
    """A flat copy that begins on a cache line."""
    room = np.zeros(array.nbytes + LINE, np.uint8)
    begin = -room.ctypes.data % LINE
    out = room[begin : begin + array.nbytes].view(array.dtype)
    out[:] = array.reshape(-1)
    return out


class Matrices(NamedTuple):
    """The weights of all matrix products of a step."""

    weights: NDArray[Any]
    """One matrix after the other, in panels of `PANEL` outputs: (inputs, outputs); in a sparse
    network (rows, outputs), where the rows of each `GROUP` of outputs are those of its blocks."""
    scales: Floats
    """Per matrix and output, what the sums are multiplied by in int8."""
    offsets: NDArray[np.int32]
    """Per matrix and output, what the sums begin with in int8: the codes of the inputs are all too
    large by `ZERO`."""
    entries: Integers
    """(M, 6): per matrix where it begins in ``weights`` and in ``scales``, its inputs, outputs and
    rows, and where it begins in ``picks``. In the order of `rounding.matrices`."""
    picks: NDArray[np.int32] | tuple[()]
    """Per matrix and panel of a sparse network (rows / `QUAD`, groups): the first of the inputs of
    a block, in ascending order; nothing for a dense one, whose code is then another."""
    per_element: int
    """Weights in one element: 2 where pairs of bfloat16 share an int32."""


class Stacks(NamedTuple):
    """The context stacks, one element of each array per stack (apart from the tables)."""

    pool: Integers
    """P, samples per frame."""
    channels: Integers
    """Padded."""
    layers: Integers
    kernel: Integers
    convolution: Integers
    """1 where frames are pooled by a convolution, 0 where they are the mean."""
    matrix: Integers
    """Its first matrix after the pooling convolution's."""
    table: Integers
    """Where its embedding begins in ``tables``."""
    bias: Integers
    """Where its biases begin in ``biases``: of the gates, layer by layer, then of the skip sum."""
    tables: Floats
    biases: Floats
    companded: Integers
    """The µ-law code of each code of the output."""


class Network(NamedTuple):
    """A WaveNet."""

    matrices: Matrices
    stacks: Stacks
    embedding: Floats
    """Per code; or, for mixtures, weight, bias and start symbol."""
    phase: Floats
    """Per code of the pitch's phase; empty for a network without phase."""
    given: Floats
    """(INPUTS, R) matrix in panels: what is added to the first block's input for each of
    `Predictor.inputs`; empty for a network without them."""
    amplitudes: NDArray[np.float64]
    """Per code; empty for mixtures, whose codes are amplitudes."""
    cond_bias: Floats
    skip_bias: Floats
    hidden_bias: Floats
    head_bias: Floats
    dilations: Integers
    ready: Integers
    """(L,) rows of the skips' matrix whose inputs the gates of the first 1, 2, … L blocks are."""
    kernel: int
    channels: int
    """R, padded."""
    skip: int
    """S, padded."""
    levels: int
    """Outputs of the head, Q."""
    draws: int
    """Uniforms for each sample, D."""
    padded_levels: int
    """Q, padded."""
    sampler: int
    """A `wavegen.outputs.Sampler`."""
    end: int
    """Code of the end of a clip, or -1."""
    start: int
    """Code of the start symbol."""
    hop: int
    """Samples per row of conditioning."""
    row: int
    """Channels of a row of conditioning, padded."""


class Feedback(NamedTuple):
    """What one call of the compiled step for n samples of N utterances reads and writes of linear
    prediction; empty for a network without."""

    coefficients: Doubles
    """(N, F, K) filters of the frame before the first that begins in this call, and of F - 1 more.
    """
    gains: Doubles
    """(N, F)."""
    lags: Integers
    """(N, F)."""
    sound: Doubles
    """(N, K + n): the last K samples, and those drawn."""
    excitation: Doubles
    """(N, P + n), compressed: the last P samples, as many as all lags need, and those drawn."""
    known: int
    """P."""
    inputs: Floats
    """(N · INPUTS,) scratch space."""
