"""A WaveNet's weights rounded to fewer bits, and laid out for the `numba` engine."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from wavegen.config import WeightPrecision
from wavegen.generation.simd import HALF, PANEL
from wavegen.model.wavenet import WaveNet

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
    each block the taps, oldest first, and the residual; then skip, hidden, head, conditioning."""
    per: int
    """Weights in one element: 2 where pairs of bfloat16 share an int32."""


class Network(NamedTuple):
    """What the compiled step reads."""

    matrices: Matrices
    embedding: Floats
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
    """Q."""
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
    repeats = [(1, 2)] * m.kernel_size + [(1, 1)]
    repeats = repeats * layers + [(layers, 1), (1, 1), (1, 1), (1, 2 * layers)]
    packed = []
    for parts, (inputs, outputs) in zip(_matrices(model), repeats, strict=True):
        whole = _pad(_pad(torch.cat(parts).float(), 0, inputs), 1, outputs)
        values, scale = _round(whole, precision)
        packed.append((_panels(values, precision), scale, whole.shape))
    # The past taps lie together, and so does the rest, in the order of use: memory is read in one
    # stream also where a step leaves out the past taps.
    block = m.kernel_size + 1
    past = [i for i in range(layers * block) if i % block < m.kernel_size - 1]
    order = past + sorted(set(range(len(packed))) - set(past))
    places = np.zeros((len(packed), 4), np.int64)
    at = scale_at = 0
    for i in order:
        panels, scale, shape = packed[i]
        places[i] = (at, scale_at, *shape)
        at, scale_at = at + len(panels), scale_at + len(scale)

    def vector(t: Tensor, parts: int = 1) -> Floats:
        return _aligned(_pad(t.float(), 0, parts))

    return Network(
        Matrices(
            _aligned(torch.cat([packed[i][0] for i in order])),
            _aligned(torch.cat([packed[i][1] for i in order])),
            places,
            2 if precision == "bf16" else 1,
        ),
        _aligned(_pad(model.embedding.weight.float(), 1).flatten()),
        vector(model.conditioning.bias, 2 * layers),
        vector(model.skip_bias),
        vector(model.hidden.bias),
        vector(model.head.bias),
        np.array(m.dilations, np.int64),
        m.kernel_size,
        -(-channels // HALF) * HALF,
        -(-skip // HALF) * HALF,
        model.output.channels,
        model.start,
        hop_length,
        int(places[-1, 2]),
    )


def _matrices(model: WaveNet) -> Iterator[list[Tensor]]:
    """(inputs, outputs) views of all weights in the order of `Matrices.places`; the parts of one
    matrix lie below each other."""
    blocks: list[Any] = list(model.blocks)
    for block in blocks:
        for tap in block.taps:
            yield [tap]
        yield [block.w_res]
    yield [block.w_skip for block in blocks]
    for linear in (model.hidden, model.head, model.conditioning):
        yield [linear.weight.t()]


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
