"""Context stacks in the `numba` engine: one step per frame, for one utterance at a time."""

from __future__ import annotations

from typing import Any

from wavegen.compiling import compile_inner
from wavegen.generation.numba import products, simd
from wavegen.generation.numba.layout import Floats, Matrices, Network
from wavegen.generation.numba.state import State


@compile_inner
def multiply(
    m: Matrices,
    codes: Any,
    matrix: int,
    x: Floats,
    x_at: int,
    x_step: int,
    y: Floats,
    y_at: int,
    y_step: int,
    lanes: int,
    overwrite: int,
) -> None:
    """``y[lane] (+)= x[lane] @ matrix``; lane l lies at ``at + l · step``."""
    multiply_rows(
        m, codes, matrix, x, x_at, x_step, y, y_at, y_step, lanes, overwrite,
        0, 0, m.entries[matrix, 4], m.offsets,
    )  # fmt: skip


@compile_inner
def multiply_rows(
    m: Matrices,
    codes: Any,
    matrix: int,
    x: Floats,
    x_at: int,
    x_step: int,
    y: Floats,
    y_at: int,
    y_step: int,
    lanes: int,
    overwrite: int,
    rounded: int,
    first: int,
    last: int,
    sums: Any,
) -> None:
    """`multiply` for some rows of the matrix; see `products.multiply`."""
    w, s = m.entries[matrix, 0], m.entries[matrix, 1]
    k, n = m.entries[matrix, 2], m.entries[matrix, 3]
    rows, p = m.entries[matrix, 4], m.entries[matrix, 5]
    products.multiply(
        m.weights, w, m.scales, m.offsets, s, m.picks, p, rows, codes,
        x, x_at, x_step, k, y, y_at, y_step, n, lanes, overwrite, rounded, first, last, sums,
    )  # fmt: skip


@compile_inner
def update_stacks(net: Network, state: State, lane: int, capacity: int) -> bool:
    """Give the stacks an utterance's last sample; returns whether it completed a frame of one."""
    position = state.position[lane]
    rings = len(state.context_codes) // capacity
    changed = False
    for stack in range(len(net.stacks.pool)):
        pool = net.stacks.pool[stack]
        at = lane * rings + state.code_offset[stack]
        state.context_codes[at + (position - 1) % pool] = net.stacks.companded[state.code[lane]]
        if position % pool == 0:
            _pool(net, state, stack, at)
            _step(net, state, lane, capacity, stack, position // pool - 1)
            changed = True
    return changed


@compile_inner
def _pool(net: Network, state: State, stack: int, at: int) -> None:
    """Pool the codes of a frame into `State.context_x`."""
    pool, channels = net.stacks.pool[stack], net.stacks.channels[stack]
    table = net.stacks.table[stack]
    if net.stacks.convolution[stack]:
        for i in range(pool):
            row = table + state.context_codes[at + i] * channels
            for j in range(channels):
                state.pooled[i * channels + j] = net.stacks.tables[row + j]
        multiply(
            net.matrices, state.codes, net.stacks.matrix[stack] - 1,
            state.pooled, 0, 0, state.context_x, 0, 0, 1, 1,
        )  # fmt: skip
        return
    for j in range(channels):
        state.context_x[j] = 0
    for i in range(pool):
        row = table + state.context_codes[at + i] * channels
        for j in range(channels):
            state.context_x[j] += net.stacks.tables[row + j]
    for j in range(channels):
        state.context_x[j] /= pool


@compile_inner
def _step(net: Network, state: State, lane: int, capacity: int, stack: int, frame: int) -> None:
    """One step of a stack, from a pooled frame to what it adds to the gates from now on."""
    channels, layers = net.stacks.channels[stack], net.stacks.layers[stack]
    kernel, matrix = net.stacks.kernel[stack], net.stacks.matrix[stack]
    bias = net.stacks.bias[stack]
    for layer in range(layers):
        dilation = 1 << layer
        slots = (kernel - 1) * dilation
        first = (kernel - 1) * (dilation - 1)  # slots of the blocks before
        for tap in range(kernel - 1):
            slot = first + (frame - (kernel - 1 - tap) * dilation) % slots
            at = state.context_offset[stack] + (slot * capacity + lane) * channels
            overwrite = 1 if tap == 0 else 0
            multiply(
                net.matrices, state.codes, matrix + tap,
                state.context_queues, at, 0, state.context_z, 0, 0, 1, overwrite,
            )  # fmt: skip
        at = state.context_offset[stack] + ((first + frame % slots) * capacity + lane) * channels
        for j in range(channels):
            state.context_queues[at + j] = state.context_x[j]
        multiply(
            net.matrices, state.codes, matrix + kernel - 1,
            state.context_x, 0, 0, state.context_z, 0, 0, 1, 0,
        )  # fmt: skip
        simd.gate(
            state.context_z, 0, net.stacks.biases, bias + layer * 2 * channels,
            state.context_gated, layer * channels, channels,
        )  # fmt: skip
        if layer < layers - 1:
            multiply(
                net.matrices, state.codes, matrix + kernel,
                state.context_gated, layer * channels, 0, state.context_x, 0, 0, 1, 0,
            )  # fmt: skip
        matrix += kernel + 1
    for j in range(channels):
        state.context_skip[j] = net.stacks.biases[bias + layers * 2 * channels + j]
    gates = layers * channels
    products.round_gates(
        net.matrices.weights, state.codes, state.context_gated, 0, 0, gates, 0, gates, 1
    )
    multiply_rows(
        net.matrices, state.codes, matrix,
        state.context_gated, 0, 0, state.context_skip, 0, 0, 1, 0,
        1, 0, net.matrices.entries[matrix, 4], net.matrices.offsets,
    )  # fmt: skip
    width = len(net.cond_bias)
    at = (lane * len(net.stacks.pool) + stack) * width
    multiply(
        net.matrices,
        state.codes,
        matrix + 1,
        state.context_skip,
        0,
        0,
        state.context_gates,
        at,
        0,
        1,
        1,
    )


@compile_inner
def sum_conditioning(net: Network, state: State, lane: int) -> None:
    """Sum what conditioning and stacks add to an utterance's gates."""
    width, stacks = len(net.cond_bias), len(net.stacks.pool)
    for j in range(width):
        total = state.local[lane * width + j]
        for stack in range(stacks):
            total += state.context_gates[(lane * stacks + stack) * width + j]
        state.cond[lane * width + j] = total
