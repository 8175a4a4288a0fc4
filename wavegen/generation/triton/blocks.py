"""Matrix products and gated residual blocks of one program's lanes, in the kernel.

A barrier stands wherever one thread reads from memory what another may have written.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def repeat(row, group: tl.constexpr):
    """(1, C) pointers to (G, C) f32."""
    return tl.zeros((group, row.shape[1]), tl.float32) + tl.load(row)


@triton.jit
def multiply(
    total, x, weights, step,
    inputs: tl.constexpr, outputs: tl.constexpr, tile: tl.constexpr,
):  # fmt: skip
    """``total + x @ weights``.

    Args:
        total: (G, outputs) f32.
        x: (G, 1) pointers to rows of inputs, of the weights' type.
        weights: pointer to the first of (inputs, outputs) weights.
        step: from a row of weights to the next.
        inputs, outputs: sizes.
        tile: inputs at a time.
    """
    k = tl.arange(0, tile)
    n = tl.arange(0, outputs)
    for begin in tl.range(0, inputs, tile, num_stages=3):
        part = tl.load(x + (begin + k)[None, :])
        w = tl.load(weights + (begin + k)[:, None] * step + n[None, :])
        total = tl.dot(part, w, total, input_precision="tf32x3")
    return total


@triton.jit
def multiply_gates(z1, z2, x, weights, channels: tl.constexpr, tile: tl.constexpr):
    """As `multiply`, of both halves of the gates, with (2, channels, channels) weights."""
    k = tl.arange(0, tile)
    n = tl.arange(0, channels)
    for begin in tl.range(0, channels, tile, num_stages=3):
        part = tl.load(x + (begin + k)[None, :])
        w = weights + (begin + k)[:, None] * channels + n[None, :]
        z1 = tl.dot(part, tl.load(w), z1, input_precision="tf32x3")
        z2 = tl.dot(part, tl.load(w + channels * channels), z2, input_precision="tf32x3")
    return z1, z2


@triton.jit
def transform(total, x, weights, inputs: tl.constexpr, outputs: tl.constexpr):
    """``total + x @ weights`` with (inputs, outputs) weights and ``x`` of their type."""
    k, n = tl.arange(0, inputs), tl.arange(0, outputs)
    w = tl.load(weights + k[:, None] * outputs + n[None, :])
    return tl.dot(x, w, total, input_precision="tf32x3")


@triton.jit
def step_block(
    x, total, layer, time, z1, z2, queues, gated, weights,
    live, group: tl.constexpr, sizes: tl.constexpr,
):  # fmt: skip
    """One block (`wavegen.model.layers`); its queue advances.

    Args:
        x: (G, C) f32 input.
        total: (G, S) f32 sum of the skip connections of the blocks before.
        layer: number of the block.
        time: (G, 1) how many inputs there were before.
        z1, z2: (G, C) f32 what is added to either half of the gates.
        queues: (G, 1) pointers to the lanes' rows in the first slot of a `State.queues`.
        gated: (G, 1) pointers to scratch space for the gates' outputs.
        weights: `Blocks`.
        live: (G, 1) the lanes that take the step, or None: all of them.
        group: G.
        sizes: `BlockSizes`.

    Returns:
        (G, C) f32 input of the next block, and the sum.
    """
    channels: tl.constexpr = sizes.channels
    kernel: tl.constexpr = sizes.kernel
    tile: tl.constexpr = sizes.tile
    square: tl.constexpr = channels * channels
    c = tl.arange(0, channels)
    dilation = 1 << (layer % sizes.cycle)
    ring = sizes.wrap * dilation
    first = sizes.wrap * ((layer // sizes.cycle) * ((1 << sizes.cycle) - 1) + dilation - 1)
    taps = weights.taps + layer * (kernel * 2 * square)
    for k in tl.static_range(kernel - 1):
        slot = first + ((time - (kernel - 1 - k) * dilation) & (ring - 1))
        past = queues + slot * (group * channels)
        z1, z2 = multiply_gates(z1, z2, past, taps + 2 * k * square, channels, tile)
    now = queues + (first + (time & (ring - 1))) * (group * channels)
    exact = x.to(weights.taps.dtype.element_ty)
    tl.store(now + c[None, :], exact, mask=live)
    w = taps + 2 * (kernel - 1) * square
    if channels > tile:  # too wide to be multiplied from registers
        tl.debug_barrier()
        z1, z2 = multiply_gates(z1, z2, now, w, channels, tile)
    else:
        z1 = transform(z1, exact, w, channels, channels)
        z2 = transform(z2, exact, w + square, channels, channels)
    h = (2 / (1 + tl.exp(-2 * z1)) - 1) / (1 + tl.exp(-z2))
    exact = h.to(weights.taps.dtype.element_ty)
    skip: tl.constexpr = sizes.skip
    w = weights.residual + layer * square
    to_skip = weights.skip + layer * (channels * skip)
    if channels > tile:
        tl.store(gated + c[None, :], exact)
        tl.debug_barrier()
        x = multiply(x, gated, w, channels, channels, channels, tile)
        return x, multiply(total, gated, to_skip, skip, channels, skip, sizes.skip_tile)
    x = transform(x, exact, w, channels, channels)
    return x, transform(total, exact, to_skip, channels, skip)


@triton.jit
def update_gates(
    gates, x, weights, bias, live,
    inputs: tl.constexpr, tile: tl.constexpr, channels: tl.constexpr, layers: tl.constexpr,
):  # fmt: skip
    """Project what conditions the lanes that are ``live`` to all blocks' gates.

    Args:
        gates: (G, 1) pointers to (L · 2R,) f32 of each lane, which are written.
        x: (G, 1) pointers to rows of inputs, of the weights' type.
        weights: (inputs, L · 2R).
        bias: (L · 2R,) f32, or None.
        live: (G, 1).
        inputs, tile: as in `multiply`.
        channels, layers: R and L.
    """
    both: tl.constexpr = 2 * channels
    n = tl.arange(0, both)
    for layer in range(layers):
        at = layer * both + n[None, :]
        total = tl.zeros((live.shape[0], both), tl.float32)
        if bias is not None:
            total += tl.load(bias + at)
        total = multiply(total, x, weights + layer * both, layers * both, inputs, both, tile)
        tl.store(gates + at, total, mask=live)
