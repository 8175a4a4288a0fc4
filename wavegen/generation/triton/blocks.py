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
    for begin in tl.range(0, inputs, tile, num_stages=2):
        part = tl.load(x + (begin + k)[None, :])
        w = tl.load(weights + (begin + k)[:, None] * step + n[None, :])
        total = tl.dot(part, w, total, input_precision="tf32x3")
    return total


@triton.jit
def transform(total, x, stored, weights, channels: tl.constexpr, tile: tl.constexpr):
    """``total + x @ weights`` with (channels, channels) weights and ``x`` of the weights' type,
    which is stored at the (G, 1) pointers ``stored``."""
    if channels > tile:  # too wide to be multiplied from registers
        tl.debug_barrier()
        return multiply(total, stored, weights, channels, channels, channels, tile)
    c = tl.arange(0, channels)
    w = tl.load(weights + c[:, None] * channels + c[None, :])
    return tl.dot(x, w, total, input_precision="tf32x3")


@triton.jit
def step_block(
    x, layer, time, z1, z2, queues, gated, weights,
    live, group: tl.constexpr, sizes: tl.constexpr,
):  # fmt: skip
    """One block (`wavegen.model.layers`); its queue advances.

    Args:
        x: (G, C) f32 input.
        layer: number of the block.
        time: (G, 1) how many inputs there were before.
        z1, z2: (G, C) f32 what is added to either half of the gates.
        queues: (G, 1) pointers to the lanes' rows in the first slot of a `State.queues`.
        gated: (G, 1) pointers to where the gates' outputs go.
        weights: `Blocks`.
        live: (G, 1) the lanes that take the step.
        group: G.
        sizes: `BlockSizes`.

    Returns:
        (G, C) f32 input of the next block.
    """
    channels: tl.constexpr = sizes.channels
    kernel: tl.constexpr = sizes.kernel
    square: tl.constexpr = channels * channels
    c = tl.arange(0, channels)
    dilation = 1 << (layer % sizes.cycle)
    ring = sizes.wrap * dilation
    first = sizes.wrap * ((layer // sizes.cycle) * ((1 << sizes.cycle) - 1) + dilation - 1)
    taps = weights.taps + layer * (kernel * 2 * square)
    for k in tl.static_range(kernel - 1):
        slot = first + ((time - (kernel - 1 - k) * dilation) & (ring - 1))
        past = queues + slot * (group * channels)
        w = taps + 2 * k * square
        z1 = multiply(z1, past, w, channels, channels, channels, sizes.tile)
        z2 = multiply(z2, past, w + square, channels, channels, channels, sizes.tile)
    now = queues + (first + (time & (ring - 1))) * (group * channels)
    exact = x.to(weights.taps.dtype.element_ty)
    tl.store(now + c[None, :], exact, mask=live)
    w = taps + 2 * (kernel - 1) * square
    z1 = transform(z1, exact, now, w, channels, sizes.tile)
    z2 = transform(z2, exact, now, w + square, channels, sizes.tile)
    h = (2 / (1 + tl.exp(-2 * z1)) - 1) / (1 + tl.exp(-z2))
    exact = h.to(weights.taps.dtype.element_ty)
    gated += layer * channels
    tl.store(gated + c[None, :], exact)
    return transform(x, exact, gated, weights.residual + layer * square, channels, sizes.tile)


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
    n = tl.arange(0, channels)
    for half in range(2 * layers):
        at = half * channels + n[None, :]
        total = tl.zeros((live.shape[0], channels), tl.float32)
        if bias is not None:
            total += tl.load(bias + at)
        w = weights + half * channels
        total = multiply(total, x, w, 2 * layers * channels, inputs, channels, tile)
        tl.store(gates + at, total, mask=live)
