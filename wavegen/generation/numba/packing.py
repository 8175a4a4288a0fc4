"""A WaveNet's weights in the layout of the `numba` engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.taps import INPUTS
from wavegen.config import WeightPrecision
from wavegen.generation.numba.layout import (
    GROUP,
    HALF,
    PANEL,
    QUAD,
    ZERO,
    Floats,
    Integers,
    Matrices,
    Network,
    Stacks,
    aligned,
)
from wavegen.generation.rounding import matrices, round_matrix
from wavegen.model import weights as stored
from wavegen.model.weights import Weights
from wavegen.outputs import OUTPUTS
from wavegen.outputs.bins import Sampler

PAYS = 0.8
"""Share of the blocks that are not empty below which a network is packed sparse."""
NO_PICKS = np.zeros((0, 1), np.int32)


def pack(network: stored.Network, hop_length: int, precision: WeightPrecision) -> Network:
    """Lay out a network for the compiled step."""
    m, w, coding = network.config, network.weights, network.coding
    products = _matrices(network, precision)
    head, conditioning = ((m.kernel_size + 1) * m.layers + i for i in (2, 3))
    sampler = OUTPUTS[m.output].sampler
    categorical = sampler == Sampler.CATEGORICAL
    table = w.part("embedding")
    embedding = table["weight"]
    if not categorical:
        embedding = np.stack([embedding, table["bias"], table["start"]])

    def vector(name: str, parts: int = 1) -> Floats:
        return aligned(_pad(w[name], 0, parts))

    return Network(
        matrices=products,
        stacks=_stacks(network),
        embedding=aligned(_pad(embedding, 1)),
        phase=aligned(_pad(w["conditioning.phase.weight"], 1))
        if "conditioning.phase.weight" in w
        else np.empty(0, np.float32),
        given=_given(network),
        amplitudes=coding.decode(np.arange(coding.levels)).astype(np.float64)
        if categorical
        else np.empty(0),
        cond_bias=vector("conditioning.bias", 2 * m.layers),
        skip_bias=vector("skip_bias"),
        hidden_bias=vector("hidden.bias"),
        head_bias=vector("head.bias"),
        dilations=np.array(m.dilations, np.int64),
        ready=_ready(products, (m.kernel_size + 1) * m.layers, m.layers),
        kernel=m.kernel_size,
        channels=_padded(m.residual_channels),
        skip=_padded(m.skip_channels),
        levels=coding.channels,
        draws=coding.draws,
        padded_levels=int(products.entries[head, 3]),
        sampler=int(sampler),
        end=-1 if coding.end is None else coding.end,
        start=coding.start,
        hop=hop_length,
        row=int(products.entries[conditioning, 2]),
    )


def _given(network: stored.Network) -> Floats:
    """See `Network.given`."""
    if "given.weight" not in network.weights:
        return np.empty(0, np.float32)
    every = np.zeros((INPUTS, network.config.residual_channels), np.float32)
    every[network.selection] = network.weights["given.weight"].T
    return aligned(pack_panels(_pad(every, 1), "f32"))


def _matrices(network: stored.Network, precision: WeightPrecision) -> Matrices:
    m = network.config
    # How often the channels repeat along inputs and outputs, so that each repeat is padded.
    block = [(1, 2)] * m.kernel_size + [(1, 1)]
    repeats = block * m.layers + [(m.layers, 1), (1, 1), (1, 1), (1, 2 * m.layers)]
    for c in m.context:
        repeats += [(c.pool, 1)] * (c.pooling == "conv")
        repeats += ([(1, 2)] * c.kernel_size + [(1, 1)]) * c.layers
        repeats += [(c.layers, 1), (1, 2 * m.layers)]
    rounded = []
    for parts, (inputs, outputs) in zip(matrices(network.weights), repeats, strict=True):
        padded = _pad(_pad(np.concatenate(parts), 0, inputs), 1, outputs)
        rounded.append(round_matrix(padded, precision))
    sparse = _pays([values for values, _ in rounded[: len(block) * m.layers + 3]])
    packed = []
    for values, scale in rounded:
        offsets = (-ZERO * values.sum(0)).astype(np.int32)
        rows, picks = _blocks(values) if sparse else (values, NO_PICKS)
        shape = *values.shape, len(rows)
        packed.append((pack_panels(rows, precision), scale, offsets, shape, _panels(picks)))
    # The past taps lie together, and so does the rest, in the order of use: memory is read in one
    # stream also where a step skips the past taps.
    past = [i for i in range(m.layers * len(block)) if i % len(block) < m.kernel_size - 1]
    order = past + sorted(set(range(len(packed))) - set(past))
    entries = np.zeros((len(packed), 6), np.int64)
    at = scale_at = pick_at = 0
    for i in order:
        panels, scale, _, shape, picks = packed[i]
        entries[i] = (at, scale_at, *shape, pick_at)
        at, scale_at, pick_at = at + len(panels), scale_at + len(scale), pick_at + len(picks)
    return Matrices(
        weights=aligned(np.concatenate([packed[i][0] for i in order])),
        scales=aligned(np.concatenate([packed[i][1] for i in order])),
        offsets=aligned(np.concatenate([packed[i][2] for i in order])),
        entries=entries,
        per_element=2 if precision == "bf16" else 1,
        picks=aligned(np.concatenate([packed[i][4] for i in order])) if sparse else (),
    )


def _ready(m: Matrices, skip: int, layers: int) -> Integers:
    """See `Network.ready`."""
    _, _, inputs, outputs, rows, at = m.entries[skip]
    known: Integers = np.arange(1, layers + 1) * (inputs // layers)
    if isinstance(m.picks, tuple):
        return known
    blocks, groups, each = rows // QUAD, outputs // GROUP, PANEL // GROUP
    panels = [
        m.picks[at + blocks * first : at + blocks * min(first + each, groups)].reshape(blocks, -1)
        for first in range(0, groups, each)
    ]
    needed = np.maximum.accumulate(np.concatenate(panels, 1).max(1))
    return np.searchsorted(needed, known) * QUAD


def _pays(products: Sequence[Floats]) -> bool:
    """Whether matrices (inputs, outputs) have so many empty blocks that it pays to skip them."""
    kept = sum(_blocks(values)[0].size for values in products)
    return kept < PAYS * sum(values.size for values in products)


def _blocks(values: Floats) -> tuple[Floats, NDArray[np.int32]]:
    """The blocks of a matrix (inputs, outputs) that are not empty: their rows, and the first input
    of each, both for every group of outputs.

    Where groups have fewer blocks than others, empty ones follow.

    Returns:
        (rows, outputs) and (rows / `QUAD`, outputs / `GROUP`).
    """
    inputs, outputs = values.shape
    blocks = values.reshape(inputs // QUAD, QUAD, outputs // GROUP, GROUP)
    empty = ~blocks.any((1, 3))
    count = int((~empty).sum(0).max(initial=0))
    picked = np.argsort(empty, 0, kind="stable")[:count]
    rows = np.take_along_axis(blocks, picked[:, None, :, None], 0)
    return rows.reshape(count * QUAD, outputs), (picked * QUAD).astype(np.int32)


def _panels(columns: NDArray[Any]) -> NDArray[Any]:
    """(rows, groups) of outputs to one flat array, panel by panel."""
    panels = np.split(columns, range(PANEL // GROUP, columns.shape[1], PANEL // GROUP), 1)
    return np.concatenate([p.reshape(-1) for p in panels])


def _stacks(network: stored.Network) -> Stacks:
    stacks, m, coding = network.weights.parts("contexts"), network.config, network.coding
    configs = m.context
    tables = [_pad(s["embedding.weight"], 1).reshape(-1) for s in stacks]
    biases = [_stack_biases(s) for s in stacks]
    convolutions = [int(c.pooling == "conv") for c in configs]
    matrix = (m.kernel_size + 1) * m.layers + 4
    first = []
    for c, convolution in zip(configs, convolutions, strict=True):
        first.append(matrix + convolution)
        matrix += convolution + (c.kernel_size + 1) * c.layers + 2

    def integers(values: Iterable[int]) -> Integers:
        return np.array([*values], np.int64)

    def starts(parts: Sequence[Floats]) -> Integers:
        return integers(sum(map(len, parts[:i])) for i in range(len(parts)))

    return Stacks(
        pool=integers(c.pool for c in configs),
        channels=integers(_padded(c.channels) for c in configs),
        layers=integers(c.layers for c in configs),
        kernel=integers(c.kernel_size for c in configs),
        convolution=integers(convolutions),
        matrix=integers(first),
        table=starts(tables),
        bias=starts(biases),
        tables=aligned(np.concatenate([*tables, np.zeros(1, np.float32)])),
        biases=aligned(np.concatenate([*biases, np.zeros(1, np.float32)])),
        companded=coding.companded(np.arange(coding.levels + 1)),
    )


def _stack_biases(stack: Weights) -> Floats:
    return np.concatenate([_pad(stack["bias"], 1, 2).reshape(-1), _pad(stack["skip_bias"], 0)])


def pack_panels(values: Floats, precision: WeightPrecision) -> NDArray[Any]:
    """(inputs, outputs) to one flat array of packed elements."""
    panels = np.split(values, range(PANEL, values.shape[1], PANEL), 1)
    if precision == "int8":
        quads = [p.astype(np.int8).reshape(-1, QUAD, p.shape[1]) for p in panels]
        return np.concatenate([q.transpose(0, 2, 1).reshape(-1) for q in quads])
    if precision == "f32":
        return np.concatenate([p.reshape(-1) for p in panels])
    bits = [np.ascontiguousarray(p).view(np.int32) for p in panels]
    return np.concatenate([((b[0::2] >> 16) & 0xFFFF | b[1::2]).reshape(-1) for b in bits])


def _pad(array: NDArray[Any], axis: int, parts: int = 1) -> Floats:
    """Each of ``parts`` equal parts along an axis padded with zeros to a multiple of `HALF`, in
    f32."""
    before, after = array.shape[:axis], array.shape[axis + 1 :]
    split = array.reshape(*before, parts, array.shape[axis] // parts, *after)
    widths = [(0, 0)] * split.ndim
    widths[axis + 1] = (0, -split.shape[axis + 1] % HALF)
    padded = np.pad(split.astype(np.float32), widths)
    return padded.reshape(*before, parts * padded.shape[axis + 1], *after)


def _padded(channels: int) -> int:
    """The next multiple of `HALF`."""
    return -(-channels // HALF) * HALF
