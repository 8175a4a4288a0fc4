"""A WaveNet's weights in the layout of the `numba` engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from wavegen.audio.linear_prediction import INPUTS
from wavegen.config import WeightPrecision
from wavegen.generation.numba.layout import (
    HALF,
    PANEL,
    Floats,
    Integers,
    Matrices,
    Network,
    Stacks,
)
from wavegen.generation.rounding import matrices, round_matrix
from wavegen.model.wavenet import WaveNet
from wavegen.outputs import OUTPUTS
from wavegen.outputs.mixture import Mixture, ScalarInput


@torch.no_grad()
def pack(model: WaveNet, hop_length: int, precision: WeightPrecision) -> Network:
    """Lay out a network for the compiled step."""
    m = model.config
    products = _matrices(model, precision)
    head, conditioning = ((m.kernel_size + 1) * m.layers + i for i in (2, 3))
    table, phase = model.embedding, model.conditioning.phase
    if isinstance(table, ScalarInput):
        embedding = torch.stack([table.weight, table.bias, table.start])
    else:
        embedding = table.get_parameter("weight")

    def vector(t: Tensor, parts: int = 1) -> Floats:
        return _aligned(_pad(t.float(), 0, parts))

    return Network(
        matrices=products,
        stacks=_stacks(model),
        embedding=_aligned(_pad(embedding.float(), 1).flatten()),
        phase=np.empty(0, np.float32)
        if phase is None
        else _aligned(_pad(phase.weight, 1).flatten()),
        given=_given(model),
        amplitudes=np.empty(0)
        if isinstance(model.output, Mixture)
        else model.output.decode(torch.arange(model.output.start)).double().numpy(),
        cond_bias=vector(model.conditioning.bias, 2 * m.layers),
        skip_bias=vector(model.skip_bias),
        hidden_bias=vector(model.hidden.bias),
        head_bias=vector(model.head.bias),
        dilations=np.array(m.dilations, np.int64),
        kernel=m.kernel_size,
        channels=_padded(m.residual_channels),
        skip=_padded(m.skip_channels),
        levels=model.output.channels,
        padded_levels=int(products.entries[head, 3]),
        sampler=int(OUTPUTS[m.output].sampler),
        end=-1 if model.output.end is None else model.output.end,
        start=model.output.start,
        hop=hop_length,
        row=int(products.entries[conditioning, 2]),
    )


def _given(model: WaveNet) -> Floats:
    """See `Network.given`."""
    if model.given is None:
        return np.empty(0, np.float32)
    every = model.given.weight.new_zeros(INPUTS, model.config.residual_channels)
    every[model.selection] = model.given.weight.t()
    return _aligned(_panels(_pad(every.float(), 1), "f32"))


def _matrices(model: WaveNet, precision: WeightPrecision) -> Matrices:
    m = model.config
    # How often the channels repeat along inputs and outputs, so that each repeat is padded.
    block = [(1, 2)] * m.kernel_size + [(1, 1)]
    repeats = block * m.layers + [(m.layers, 1), (1, 1), (1, 1), (1, 2 * m.layers)]
    for c in m.context:
        repeats += [(c.pool, 1)] * (c.pooling == "conv")
        repeats += ([(1, 2)] * c.kernel_size + [(1, 1)]) * c.layers
        repeats += [(c.layers, 1), (1, 2 * m.layers)]
    packed = []
    for parts, (inputs, outputs) in zip(matrices(model), repeats, strict=True):
        padded = _pad(_pad(torch.cat(parts).float(), 0, inputs), 1, outputs)
        values, scale = round_matrix(padded, precision)
        packed.append((_panels(values, precision), scale, padded.shape))
    # The past taps lie together, and so does the rest, in the order of use: memory is read in one
    # stream also where a step skips the past taps.
    past = [i for i in range(m.layers * len(block)) if i % len(block) < m.kernel_size - 1]
    order = past + sorted(set(range(len(packed))) - set(past))
    entries = np.zeros((len(packed), 4), np.int64)
    at = scale_at = 0
    for i in order:
        panels, scale, shape = packed[i]
        entries[i] = (at, scale_at, *shape)
        at, scale_at = at + len(panels), scale_at + len(scale)
    return Matrices(
        weights=_aligned(torch.cat([packed[i][0] for i in order])),
        scales=_aligned(torch.cat([packed[i][1] for i in order])),
        entries=entries,
        per_element=2 if precision == "bf16" else 1,
    )


def _stacks(model: WaveNet) -> Stacks:
    stacks, configs = model.stacks, model.config.context
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
        pool=integers(c.pool for c in configs),
        channels=integers(_padded(c.channels) for c in configs),
        layers=integers(c.layers for c in configs),
        kernel=integers(c.kernel_size for c in configs),
        convolution=integers(convolutions),
        matrix=integers(first),
        table=starts(tables),
        bias=starts(biases),
        tables=_aligned(torch.cat([*tables, torch.zeros(1)])),
        biases=_aligned(torch.cat([*biases, torch.zeros(1)])),
        companded=model.output.companded(torch.arange(model.output.levels + 1)).numpy(),
    )


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


def _padded(channels: int) -> int:
    """The next multiple of `HALF`."""
    return -(-channels // HALF) * HALF


def _aligned(t: Tensor) -> NDArray[Any]:
    """As an array that starts on a cache line, as torch's allocations do."""
    array: NDArray[Any] = t.clone(memory_format=torch.contiguous_format).numpy()
    return array
