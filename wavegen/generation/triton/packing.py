"""A WaveNet's weights in the layout of the `triton` engine."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.audio.taps import INPUTS
from wavegen.config import WeightPrecision
from wavegen.generation.triton.layout import (
    Blocks,
    BlockSizes,
    Network,
    Sizes,
    Stack,
    StackSizes,
)
from wavegen.model.context import ContextStack
from wavegen.model.wavenet import WaveNet
from wavegen.outputs import OUTPUTS
from wavegen.outputs.mixture import Mixture, ScalarInput

TILE = 1 << 14
"""Bytes of weights of a matrix product that are read at a time. Of several at once, they fit into
the memory that the threads of a program share."""
SHARED = 227 << 10
"""Bytes that the threads of a program share on an H100."""
RESERVED = 8 << 10
"""Of these, bytes for what is handed from thread to thread."""
GROUP = 16
"""Utterances of a program: the rows of the smallest matrix product of tensor cores. No result
depends on what the other lanes hold, so that a clip is the same alone and in company."""
LEAST = 16
"""Inputs and outputs of the smallest matrix product."""
NEVER = -1e30
"""Logit of what can't be drawn."""


def sizes_of(
    model: WaveNet,
    hop_length: int,
    precision: WeightPrecision,
    order: int = 0,
    group: int = GROUP,
    shared: int = SHARED,
    forced: bool = False,
    logits: bool = False,
) -> Sizes:
    """See `Sizes`.

    Args:
        model: the network.
        hop_length: samples per row.
        precision: of weights and activations.
        order: of the utterances' predictors.
        group: lanes of a program.
        shared: bytes that the threads of a program can share.
        forced, logits: as in `Sizes`.
    """
    m, output = model.config, model.output
    outputs = m.mixtures if isinstance(output, Mixture) else output.channels
    parts = -(-output.channels // outputs)
    skip, row = padded(m.skip_channels), padded(model.conditioning.weight.shape[1])
    head = padded(parts * padded(outputs))
    size = 4 if precision == "f32" else 2

    def tile(inputs: int, outputs: int) -> int:
        return min(inputs, max(LEAST, TILE // size // outputs))

    def blocks(
        layers: int, cycle: int, kernel: int, channels: int, skip: int, gates: int
    ) -> BlockSizes:
        """``gates``: of so many kinds, in f32, is what is added to the gates."""
        wide, skip = padded(channels), padded(skip)
        weights = (2 * kernel + 1) * wide**2 + wide * skip
        past = (kernel - 1) * group * wide
        each = size * (weights + past) + 4 * gates * group * 2 * wide
        return BlockSizes(
            layers=layers,
            cycle=cycle,
            kernel=kernel,
            channels=wide,
            wrap=2 ** (kernel - 1),
            tile=tile(wide, wide),
            skip=skip,
            skip_tile=tile(wide, skip),
            ahead=1 + min(2, (shared - RESERVED) // each),
        )

    return Sizes(
        group=group,
        blocks=blocks(
            m.layers,
            m.dilation_cycle,
            m.kernel_size,
            m.residual_channels,
            m.skip_channels,
            1 + len(m.context),
        ),
        stacks=tuple(
            StackSizes(
                blocks(c.layers, c.layers, c.kernel_size, c.channels, c.channels, 0),
                c.pool,
                c.pooling == "conv",
                tile(padded(c.channels), 2 * padded(m.residual_channels)),
            )
            for c in m.context
        ),
        head_tile=tile(skip, max(skip, head)),
        parts=parts,
        outputs=outputs,
        padded_outputs=padded(outputs),
        head=head,
        channels=output.channels,
        draws=output.draws,
        sampler=int(OUTPUTS[m.output].sampler),
        end=-1 if output.end is None else output.end,
        start=output.start,
        hop=hop_length,
        row=row,
        row_tile=tile(row, 2 * padded(m.residual_channels)),
        phase=model.conditioning.phase is not None,
        order=0 if model.given is None else padded(order),
        f32=precision == "f32",
        forced=forced,
        logits=logits,
    )


def shared_memory(device: torch.device) -> int:
    """Bytes that the threads of a program can share."""
    if device.type != "cuda":
        return SHARED
    properties: Any = torch.cuda.get_device_properties(device)
    return int(properties.shared_memory_per_block_optin)


@torch.no_grad()
def pack(model: WaveNet, sizes: Sizes, device: torch.device) -> Network:
    """Lay out a network for the kernel, on a device."""
    m, output = model.config, model.output
    table, phase = model.embedding, model.conditioning.phase
    if isinstance(table, ScalarInput):
        embedding = torch.stack([table.weight, table.bias, table.start])
        amplitudes = torch.zeros(1)
    else:
        embedding = table.get_parameter("weight")
        amplitudes = output.decode(torch.arange(output.channels).clamp(max=output.levels - 1))
    # The end of a clip, too, has a code.
    last = output.levels - 1 if output.end is None else output.end
    companded = output.companded(torch.arange(last + 1))
    given = torch.zeros(INPUTS, m.residual_channels)
    if model.given is not None:
        given[model.selection] = model.given.weight.t().float().cpu()
    # The part of the end has but one output.
    missing = sizes.parts * sizes.outputs - sizes.channels
    weight, bias = (F.pad(t.t(), (0, missing)) for t in (model.head.weight, model.head.bias))
    head = pad(torch.unflatten(weight, 1, (sizes.parts, -1)), 0, 2).flatten(1)
    head_bias = torch.unflatten(bias, 0, (sizes.parts, -1))
    head_bias = F.pad(head_bias, (0, sizes.padded_outputs - sizes.outputs), value=NEVER).flatten()
    head_bias = F.pad(head_bias, (0, sizes.head - len(head_bias)), value=NEVER)
    mixture = sizes.parts > 1

    def exact(t: Tensor, *axes: int) -> Tensor:
        return pad(t.to(device, torch.float32), *axes).contiguous()

    def weights(t: Tensor, *axes: int) -> Tensor:
        return exact(t, *axes).to(torch.float32 if sizes.f32 else torch.float16)

    def stack(s: ContextStack, z: StackSizes) -> Stack:
        return Stack(
            blocks=_blocks(s.blocks, weights),
            table=exact(_table(s), 2),
            bias=exact(torch.unflatten(s.bias, 1, (2, -1)), 2),
            skip_bias=exact(s.skip_bias, 0),
            gates=weights(_by_gates(s.gates.weight, m.layers), 0),
        )

    return Network(
        blocks=_blocks(model.blocks, weights),
        stacks=tuple(map(stack, model.stacks, sizes.stacks)),
        embedding=exact(embedding, 1),
        phase=exact(embedding if phase is None else phase.weight, 1),
        given=exact(given, 1),
        amplitudes=amplitudes.to(device, torch.float64),
        companded=companded.to(device, torch.int32),
        conditioning=weights(_by_gates(model.conditioning.weight, m.layers), 0),
        gates_bias=exact(torch.unflatten(model.conditioning.bias, 0, (2 * m.layers, -1)), 1),
        skip_bias=exact(model.skip_bias, 0),
        hidden=weights(model.hidden.weight.t(), 0, 1),
        hidden_bias=exact(model.hidden.bias, 0),
        head=exact(head, 1) if mixture else weights(head, 1),
        head_bias=exact(head_bias),
    )


def _blocks(modules: Any, weights: Any) -> Blocks:
    """The weights of `GatedResidualBlock` modules; ``weights`` pads and casts."""
    every = [*modules]
    taps = torch.stack([torch.unflatten(b.taps, 2, (2, -1)).transpose(1, 2) for b in every])
    return Blocks(
        taps=weights(taps, 3, 4),
        residual=weights(torch.stack([b.w_res for b in every]), 1, 2),
        skip=weights(torch.stack([b.w_skip for b in every]), 1, 2).flatten(0, 1),
    )


def _by_gates(weight: Tensor, layers: int) -> Tensor:
    """(L · 2R, inputs) of a linear module to (inputs, L · 2R), R padded."""
    return pad(torch.unflatten(weight.t(), 1, (2 * layers, -1)), 2).flatten(1)


def _table(stack: ContextStack) -> Tensor:
    """See `Stack.table`."""
    embedding = stack.embedding.weight.float()
    if stack.convolution is None:
        return embedding[None] / stack.config.pool
    places = torch.unflatten(stack.convolution.weight.float(), 1, (stack.config.pool, -1))
    return torch.einsum("opc,vc->pvo", places, embedding)


def padded(channels: int) -> int:
    """The next power of two, at least `LEAST`."""
    return max(LEAST, 1 << (channels - 1).bit_length()) if channels else LEAST


def pad(t: Tensor, *axes: int) -> Tensor:
    """Zeros after the elements of each of these axes, up to the `padded` size."""
    widths = [0] * (2 * t.dim())
    for axis in axes:
        size = t.shape[axis]
        widths[2 * (t.dim() - 1 - axis % t.dim()) + 1] = padded(size) - size
    return F.pad(t, widths)
