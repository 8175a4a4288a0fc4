"""A network's weights rounded to fewer bits, as the engines that take a precision compute with."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.config import WeightPrecision
from wavegen.model.wavenet import WaveNet


@torch.no_grad()
def rounded(model: WaveNet, precision: WeightPrecision) -> WaveNet:
    """A copy of a network whose matrices are rounded; biases, embeddings and the projection of the
    inputs of linear prediction stay as they are.

    f16 rounds each weight to 11 significant bits, bf16 to 8, int8 to a multiple of 1/127 of the
    largest weight of its output.
    """
    model = copy.deepcopy(model)
    for parts in matrices(model):
        values, scales = round_matrix(torch.cat(parts), precision)
        new_parts = torch.split(values * scales, [len(p) for p in parts])
        for part, new in zip(parts, new_parts, strict=True):
            part.copy_(new)
    return model


def round_matrix(matrix: Tensor, precision: WeightPrecision) -> tuple[Tensor, Tensor]:
    """(inputs, outputs) weights to values (inputs, outputs) and scales (outputs,) whose product
    they are rounded to."""
    scales = torch.ones(matrix.shape[1], dtype=matrix.dtype)
    if precision in ("f16", "bf16"):
        dtype = torch.float16 if precision == "f16" else torch.bfloat16
        return matrix.to(dtype).to(matrix.dtype), scales
    if precision == "int8":
        largest = F.pad(matrix, (0, 0, 0, 1)).abs().amax(0)
        scales = torch.where(largest > 0, largest / 127, scales)
        return (matrix / scales).round(), scales
    return matrix, scales


def matrices(model: WaveNet) -> Iterator[list[Tensor]]:
    """(inputs, outputs) views of all weights; the parts of one matrix lie below each other.

    For each block its taps, oldest first, and the residual; then skip, hidden, head, conditioning;
    and for each context stack the pooling convolution, if it has one, its blocks, skip, gates.
    """
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
