"""What the kernel of the `triton` engine reads and writes, as named tuples of tensors.

Channels are padded with zeros to powers of two. The lanes of a program, G of them, are the rows of
all its matrix products.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class BlockSizes(NamedTuple):
    """Sizes of a stack of gated residual blocks."""

    layers: int
    cycle: int
    """Dilations run 1, 2, 4, … for this many blocks, then start again at 1."""
    kernel: int
    channels: int
    wrap: int
    """A block's queue has ``wrap`` times its dilation slots: the least power of two that holds the
    input of now beside all that its taps look back to."""
    tile: int
    """Inputs of a matrix product that are read at a time."""
    skip: int
    """S."""
    skip_tile: int
    """The same of the products that give the skip connections."""
    ahead: int
    """One more than there are blocks whose weights and past are in memory that the threads share,
    at most: Triton's ``num_stages``."""

    @property
    def slots(self) -> int:
        """Slots of all queues."""
        cycles, rest = divmod(self.layers, self.cycle)
        return self.wrap * (cycles * ((1 << self.cycle) - 1) + (1 << rest) - 1)


class StackSizes(NamedTuple):
    """Sizes of a context stack."""

    blocks: BlockSizes
    pool: int
    """P, samples per frame."""
    convolution: bool
    """Whether each place in a frame has a table of its own."""
    gates_tile: int
    """As `BlockSizes.tile`, for what it adds to the main stack's gates."""


class Sizes(NamedTuple):
    """All that is known of a network when the kernel is compiled."""

    group: int
    """G."""
    blocks: BlockSizes
    stacks: tuple[StackSizes, ...]
    head_tile: int
    """As `BlockSizes.tile`, for the products after the blocks."""
    parts: int
    """Of the head's outputs: for mixtures 3, the weights, means and scales, and one more for the
    end of the clip."""
    outputs: int
    """Outputs of each part."""
    padded_outputs: int
    """K."""
    head: int
    """Outputs of all parts, each padded to K."""
    channels: int
    """Outputs of all parts, Q."""
    draws: int
    """Uniforms for each sample, D."""
    sampler: int
    """A `wavegen.outputs.Sampler`."""
    end: int
    """Code of the end of a clip, or -1."""
    start: int
    """Code of the start symbol."""
    hop: int
    """Samples per row of conditioning."""
    row: int
    """Channels of a row."""
    row_tile: int
    phase: bool
    """Whether it is given the phase of the pitch."""
    order: int
    """Coefficients of linear prediction, padded; 0 in a network without its inputs."""
    f32: bool
    """Whether weights and activations are f32; otherwise f16. Sums are f32."""
    forced: bool
    """Whether samples are given, to continue with in place of those drawn."""
    logits: bool
    """Whether logits are written."""


class Blocks(NamedTuple):
    """Weights of gated residual blocks."""

    taps: Tensor
    """(L, kernel, 2, C, C): inputs by outputs of either half of the gates, the oldest tap first."""
    residual: Tensor
    """(L, C, C)."""
    skip: Tensor
    """(L · C, S)."""


class Stack(NamedTuple):
    """Weights of a context stack."""

    blocks: Blocks
    table: Tensor
    """(P or 1, 256, C) f32: what each µ-law code, in each place of a frame, adds to the frame."""
    bias: Tensor
    """(L, 2, C) f32."""
    skip_bias: Tensor
    """(C,) f32."""
    gates: Tensor
    """(C, L of the main stack · 2R)."""


class Network(NamedTuple):
    """A WaveNet's weights. Biases and tables are f32."""

    blocks: Blocks
    stacks: tuple[Stack, ...]
    embedding: Tensor
    """Per code, (Q + 1, R); or, for mixtures, (3, R): weight, bias and start symbol."""
    phase: Tensor
    """(PHASES + 1, R)."""
    given: Tensor
    """(INPUTS, R)."""
    amplitudes: Tensor
    """(Q,) f64: the amplitude of each code; unused for mixtures."""
    companded: Tensor
    """int32: the µ-law code of each code."""
    conditioning: Tensor
    """(E, L · 2R)."""
    gates_bias: Tensor
    """(L · 2R,)."""
    skip_bias: Tensor
    """(S,)."""
    hidden: Tensor
    """(S, S)."""
    hidden_bias: Tensor
    head: Tensor
    """(S, parts · K); f32 for mixtures, since 16 bits of a mean don't fit into f16."""
    head_bias: Tensor
    """(parts · K,); -1e30 where it is padded."""


class StackState(NamedTuple):
    """What a context stack remembers of N lanes."""

    queues: Tensor
    """(N / G, slots, G, C): the input of frame k lies in slot k % slots of its block."""
    pooled: Tensor
    """(N, C) f32: the sum of the table's rows in the frame that is not complete yet."""
    gates: Tensor
    """(N, L · 2R) f32: what it adds to the main stack's gates."""
    gated: Tensor
    """(N, C): outputs of a block's gates. From here on, scratch space."""
    skip: Tensor
    """(N, C)."""


class State(NamedTuple):
    """All that the kernel remembers of N lanes from launch to launch."""

    queues: Tensor
    """(N / G, slots, G, R): the input of time t lies in slot t % slots of its block."""
    code: Tensor
    """(N,) int32: the last sample, or the start symbol."""
    time: Tensor
    """(N,) int32: samples of each so far, including its prompt."""
    may_end: Tensor
    """(N,) int32: 1 where it may end by itself."""
    sound: Tensor
    """(N, order) f64: that of time t at t % order."""
    stacks: tuple[StackState, ...]
    local: Tensor
    """(N, L · 2R) f32: the projected row of conditioning. From here on, scratch space."""
    gated: Tensor
    """(N, R): outputs of a block's gates."""
    skip: Tensor
    """(N, S)."""
    hidden: Tensor
    """(N, S); f32 for mixtures."""
    outputs: Tensor
    """(N, parts · K) f32."""


class Given(NamedTuple):
    """Where the kernel finds what each of N lanes is given: tensors of the jobs themselves, since
    their lengths differ."""

    rows: Tensor
    """(N,) int64 addresses of (F, E) rows of conditioning."""
    temperatures: Tensor
    """(N,) addresses of (F,) f64 temperatures."""
    filters: Tensor
    """(N,) addresses of (F, order + 2) f32 coefficients of linear prediction, gain, and lag."""
    excitation: Tensor
    """(N,) addresses of (P,) f64 compressed excitation: that of time t at t % P, a power of two.
    Written to."""
    phase: Tensor
    """(N,) addresses of (T,) int32 codes of the pitch's phase."""
    sizes: Tensor
    """(5, N) int32: the length of each of these tensors."""
