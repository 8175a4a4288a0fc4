"""A WaveNet's weights rounded to fewer bits, and laid out for the `numba` engine."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from wavegen.config import WeightPrecision
from wavegen.generation.numba.simd import HALF, PANEL
from wavegen.model.wavenet import WaveNet
from wavegen.outputs.mixture import ScalarInput

KINDS = ("categorical", "logistic_mixture", "gaussian_mixture")
"""Outputs that the compiled step can sample."""
Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class Matrices(NamedTuple):
    """All products of a step. Channels are padded with zeros to a multiple of `HALF`."""

    weights: NDArray[Any]
    """One matrix after the other, in panels of `PANEL` outputs: (inputs, outputs)."""
    scales: Floats
    """Per matrix and output, what the sums are multiplied by in int8."""
    places: Integers
    """Per matrix its place in ``weights``, its place in ``scales``, its inputs and outputs. For
    each block the taps, oldest first, and the residual; then skip, hidden, head, conditioning; and
    for each context stack the pooling convolution (or nothing), its blocks, skip, gates."""
    per: int
    """Weights in one element: 2 where pairs of bfloat16 share an int32."""


class Stacks(NamedTuple):
    """The context stacks; one row of each of these arrays is one of them."""

    pool: Integers
    channels: Integers
    """Padded."""
    layers: Integers
    kernel: Integers
    convolution: Integers
    """1 where frames are pooled by one, 0 where they are the mean."""
    matrix: Integers
    """Its first matrix after the pooling convolution's."""
    table: Integers
    """Where its embedding begins in ``tables``."""
    bias: Integers
    """Where its biases begin in ``biases``: of the gates, layer by layer, then of the skip sum."""
    tables: Floats
    biases: Floats
    heard: Integers
    """The µ-law code of each code."""


class Network(NamedTuple):
    """What the compiled step reads."""

    matrices: Matrices
    stacks: Stacks
    embedding: Floats
    """Per code; or, of a mixture, weight, bias and start symbol."""
    phase: Floats
    """Per code of the pitch's phase; empty where the network is not told."""
    cond_bias: Floats
    skip_bias: Floats
    hidden_bias: Floats
    head_bias: Floats
    dilations: Integers
    kernel: int
    channels: int
    """R, padded."""
    skip: int
    """S, padded."""
    levels: int
    """Outputs of the head, Q."""
    outputs: int
    """Q, padded."""
    kind: int
    """Of the output: its place in `KINDS`."""
    end: int
    """Code of the end of a clip, or -1."""
    start: int
    """Code of the start symbol."""
    hop: int
    """Samples per row of conditioning."""
    row: int
    """Channels of a row of conditioning, padded."""


@torch.no_grad()
def rounded(model: WaveNet, precision: WeightPrecision) -> WaveNet:
    """A copy of the network with the weights that the engine computes with at this precision.

    bf16 rounds each weight to 8 significant bits; int8 to a multiple of 1/127 of the largest one
    of its output. Biases and embeddings stay as they are.
    """
    model = copy.deepcopy(model)
    for parts in _matrices(model):
        values, scales = _round(torch.cat(parts), precision)
        new_parts = torch.split(values * scales, [len(p) for p in parts])
        for part, new in zip(parts, new_parts, strict=True):
            part.copy_(new)
    return model


@torch.no_grad()
def pack(model: WaveNet, hop_length: int, precision: WeightPrecision) -> Network:
    """Lay out a network for the compiled step."""
    m = model.config
    layers, channels, skip = m.layers, m.residual_channels, m.skip_channels
    # How often the channels repeat along inputs and outputs, so that each repeat is padded.
    block = [(1, 2)] * m.kernel_size + [(1, 1)]
    repeats = block * layers + [(layers, 1), (1, 1), (1, 1), (1, 2 * layers)]
    for c in m.context:
        repeats += [(c.pool, 1)] * (c.pooling == "conv")
        repeats += ([(1, 2)] * c.kernel_size + [(1, 1)]) * c.layers
        repeats += [(c.layers, 1), (1, 2 * layers)]
    packed = []
    for parts, (inputs, outputs) in zip(_matrices(model), repeats, strict=True):
        whole = _pad(_pad(torch.cat(parts).float(), 0, inputs), 1, outputs)
        values, scale = _round(whole, precision)
        packed.append((_panels(values, precision), scale, whole.shape))
    # The past taps lie together, and so does the rest, in the order of use: memory is read in one
    # stream also where a step leaves out the past taps.
    past = [i for i in range(layers * len(block)) if i % len(block) < m.kernel_size - 1]
    order = past + sorted(set(range(len(packed))) - set(past))
    places = np.zeros((len(packed), 4), np.int64)
    at = scale_at = 0
    for i in order:
        panels, scale, shape = packed[i]
        places[i] = (at, scale_at, *shape)
        at, scale_at = at + len(panels), scale_at + len(scale)

    table, phase = model.embedding, model.conditioning.phase
    if isinstance(table, ScalarInput):
        embedding = torch.stack([table.weight, table.bias, table.start])
    else:
        embedding = table.get_parameter("weight")

    def vector(t: Tensor, parts: int = 1) -> Floats:
        return _aligned(_pad(t.float(), 0, parts))

    return Network(
        Matrices(
            _aligned(torch.cat([packed[i][0] for i in order])),
            _aligned(torch.cat([packed[i][1] for i in order])),
            places,
            2 if precision == "bf16" else 1,
        ),
        _stacks(model),
        _aligned(_pad(embedding.float(), 1).flatten()),
        np.empty(0, np.float32) if phase is None else _aligned(_pad(phase.weight, 1).flatten()),
        vector(model.conditioning.bias, 2 * layers),
        vector(model.skip_bias),
        vector(model.hidden.bias),
        vector(model.head.bias),
        np.array(m.dilations, np.int64),
        m.kernel_size,
        -(-channels // HALF) * HALF,
        -(-skip // HALF) * HALF,
        model.output.channels,
        int(places[layers * len(block) + 2, 3]),
        KINDS.index(m.output),
        -1 if model.output.end is None else model.output.end,
        model.output.start,
        hop_length,
        int(places[layers * len(block) + 3, 2]),
    )


def _matrices(model: WaveNet) -> Iterator[list[Tensor]]:
    """(inputs, outputs) views of all weights in the order of `Matrices.places`; the parts of one
    matrix lie below each other."""
    yield from _blocks(model.blocks)
    for linear in (model.hidden, model.head, model.conditioning):
        yield [linear.weight.t()]
    for stack in model.stacks:
        if stack.convolution is not None:
            yield [stack.convolution.weight.t()]
        yield from _blocks(stack.blocks)
        yield [stack.gates.weight.t()]


def _blocks(modules: Iterable[Any]) -> Iterator[list[Tensor]]:
    blocks = list(modules)
    for block in blocks:
        for tap in block.taps:
            yield [tap]
        yield [block.w_res]
    yield [block.w_skip for block in blocks]


def _stacks(model: WaveNet) -> Stacks:
    stacks, configs = model.stacks, model.config.context
    channels = [-(-c.channels // HALF) * HALF for c in configs]
    tables = [_pad(s.embedding.weight.float(), 1).flatten() for s in stacks]
    biases = [
        torch.cat([_pad(s.bias.float(), 1, 2).flatten(), _pad(s.skip_bias.float(), 0)])
        for s in stacks
    ]
    convolutions = [int(c.pooling == "conv") for c in configs]
    matrix = (model.config.kernel_size + 1) * model.config.layers + 4
    first = []
    for c, convolution in zip(configs, convolutions, strict=True):
        first.append(matrix + convolution)
        matrix += convolution + (c.kernel_size + 1) * c.layers + 2

    def integers(values: Iterable[int]) -> Integers:
        return np.array([*values], np.int64)

    def starts(parts: list[Tensor]) -> Integers:
        return integers(sum(map(len, parts[:i])) for i in range(len(parts)))

    return Stacks(
        integers(c.pool for c in configs),
        integers(channels),
        integers(c.layers for c in configs),
        integers(c.kernel_size for c in configs),
        integers(convolutions),
        integers(first),
        starts(tables),
        starts(biases),
        _aligned(torch.cat([*tables, torch.zeros(1)])),
        _aligned(torch.cat([*biases, torch.zeros(1)])),
        model.output.companded(torch.arange(model.output.levels + 1)).numpy(),
    )


def _round(matrix: Tensor, precision: WeightPrecision) -> tuple[Tensor, Tensor]:
    """Values and the scale of each output, whose product the weights are."""
    scales = torch.ones(matrix.shape[1], dtype=matrix.dtype)
    if precision == "bf16":
        return matrix.bfloat16().to(matrix.dtype), scales
    if precision == "int8":
        largest = F.pad(matrix, (0, 0, 0, 1)).abs().amax(0)
        scales = torch.where(largest > 0, largest / 127, scales)
        return (matrix / scales).round(), scales
    return matrix, scales


def _panels(values: Tensor, precision: WeightPrecision) -> Tensor:
    """(inputs, outputs) to one flat tensor of packed elements."""
    panels = torch.split(values, PANEL, 1)
    if precision == "int8":
        return torch.cat([p.to(torch.int8).flatten() for p in panels])
    if precision == "f32":
        return torch.cat([p.flatten() for p in panels])
    bits = [p.contiguous().view(torch.int32) for p in panels]
    return torch.cat([((b[0::2] >> 16) & 0xFFFF | b[1::2]).flatten() for b in bits])


def _pad(t: Tensor, axis: int, parts: int = 1) -> Tensor:
    """Each of ``parts`` equal parts along an axis padded with zeros to a multiple of `HALF`."""
    split = torch.unflatten(t, axis, (parts, t.shape[axis] // parts))
    after = t.dim() - axis - 1
    short = -split.shape[axis + 1] % HALF
    return F.pad(split, [0, 0] * after + [0, short]).flatten(axis, axis + 1)


def _aligned(t: Tensor) -> NDArray[Any]:
    """As an array that starts on a cache line, as torch's allocations do."""
    array: NDArray[Any] = t.clone(memory_format=torch.contiguous_format).numpy()
    return array
