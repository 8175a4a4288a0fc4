"""A network rounded to fewer bits, as the engines that take a precision compute with it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wavegen.config import WeightPrecision
from wavegen.errors import WavegenError
from wavegen.model.weights import Weights

if TYPE_CHECKING:
    from wavegen.model.autoregressive import Autoregressive
    from wavegen.model.wavenet import WaveNet

Floats = NDArray[np.float32]


def rounded(model: Autoregressive, precision: WeightPrecision) -> WaveNet:
    """A copy of a network on the CPU whose matrices are rounded; biases, embeddings and the
    projection of the inputs of linear prediction stay as they are.

    f16 rounds each weight to 11 significant bits, bf16 to 8, int8 to a multiple of 1/127 of the
    largest weight of its output, and every vector that is multiplied with a matrix to multiples of
    1/127 of its largest element; but the gates of all blocks, which make the skip sum, to multiples
    of 1/127.

    Raises:
        WavegenError: it is no WaveNet.
    """
    from wavegen.model.wavenet import WaveNet

    if not isinstance(model, WaveNet):
        raise WavegenError(f"a {model.config.kind} is computed in f32 only, not in {precision}")
    model = copy.deepcopy(model)
    for parts in matrices(model.weights):
        values, scales = round_matrix(np.concatenate(parts), precision)
        ends = np.cumsum([len(p) for p in parts])[:-1]
        for part, new in zip(parts, np.split(values * scales, ends), strict=True):
            part[...] = new
    if precision == "int8":
        _round_inputs(model)
    return model


def _round_inputs(model: WaveNet) -> None:
    """Make a network round the vectors that it multiplies."""
    from torch import nn

    from wavegen.model.conditioning import Conditioning
    from wavegen.model.layers import GatedResidualBlock
    from wavegen.model.rounded import round_inputs

    for module in model.modules():
        if isinstance(module, (GatedResidualBlock, Conditioning)):
            module.rounded = True
        elif isinstance(module, nn.Linear) and module is not model.given:
            module.register_forward_pre_hook(lambda _, inputs: tuple(map(round_inputs, inputs)))


def round_matrix(matrix: Floats, precision: WeightPrecision) -> tuple[Floats, Floats]:
    """(inputs, outputs) weights to values (inputs, outputs) and scales (outputs,) whose product
    they are rounded to."""
    scales = np.ones(matrix.shape[1], np.float32)
    if precision == "f16":
        return matrix.astype(np.float16).astype(np.float32), scales
    if precision == "bf16":
        bits = np.ascontiguousarray(matrix).view(np.uint32)
        even = bits + (0x7FFF + ((bits >> 16) & 1))  # to the nearest, or to the even of two
        return (even & np.uint32(0xFFFF0000)).view(np.float32), scales
    if precision == "int8":
        largest = np.abs(matrix).max(0, initial=0)
        scales = np.where(largest > 0, largest / 127, scales).astype(np.float32)
        return np.rint(matrix / scales), scales
    return matrix, scales


def matrices(weights: Weights) -> Iterator[list[Floats]]:
    """(inputs, outputs) views of all weights; the parts of one matrix lie below each other.

    For each block its taps, oldest first, and the residual; then skip, hidden, head, conditioning;
    and for each context stack the pooling convolution, if it has one, its blocks, skip, gates.
    """
    yield from _blocks(weights.parts("blocks"))
    for linear in ("hidden", "head", "conditioning"):
        yield [weights[f"{linear}.weight"].T]
    for stack in weights.parts("contexts"):
        if "convolution.weight" in stack:
            yield [stack["convolution.weight"].T]
        yield from _blocks(stack.parts("blocks"))
        yield [stack["gates.weight"].T]


def _blocks(blocks: Sequence[Weights]) -> Iterator[list[Floats]]:
    for block in blocks:
        for tap in block["taps"]:
            yield [tap]
        yield [block["w_res"]]
    yield [block["w_skip"] for block in blocks]
