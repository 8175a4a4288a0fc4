"""A causal Transformer over samples, in the place of a WaveNet's blocks: each layer attends to the
last W samples (Vaswani et al. 2017, §3.2; a local window as in Image Transformer, Parmar et al.
2018, §3.2), whose positions rotate queries and keys (RoFormer, Su et al. 2021, §3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.model.shapes import WIDER

BASE = 10_000.0
"""Ratio of the fastest to the slowest rotation, about."""


@dataclass(frozen=True)
class State:
    """What the layers attend to of B utterances."""

    keys: tuple[Tensor, ...]
    """Per layer (B, H, W - 1, D), rotated, oldest first; zeros before the first sample."""
    values: tuple[Tensor, ...]
    """Per layer (B, H, W - 1, D)."""
    time: int
    """Samples so far."""


class Transformer(nn.Module):
    """Inputs of the samples to skip sums, which say what follows each.

    Args:
        layers: L.
        channels: R, a multiple of twice the heads.
        skip_channels: S.
        heads: H.
        window: W samples that a layer attends to, the present one included.
    """

    def __init__(
        self, layers: int, channels: int, skip_channels: int, heads: int, window: int
    ) -> None:
        super().__init__()
        self.window, self.heads, self.channels = window, heads, channels
        self.blocks = nn.ModuleList(_Block(channels, heads, window) for _ in range(layers))
        self.norm = nn.LayerNorm(channels)
        self.skip = nn.Linear(channels, skip_channels, bias=False)

    def initial(self, batch: int) -> State:
        """The state before the first sample: zeros, which are attended to like others."""
        size = batch, self.heads, self.window - 1, self.channels // self.heads
        nothing = tuple(self.skip.weight.new_zeros(size) for _ in self.blocks)
        return State(nothing, nothing, 0)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance by T samples; a step is T = 1.

        Args:
            x: (B, T, R).
            state: after the samples before; it stays as it is.

        Returns:
            (B, T, S), and the state after the T samples. In pieces of any lengths the results are
            the same.
        """
        turns = rotations(state.time, x.shape[1], self.channels // self.heads, x)
        keys, values = [], []
        for block, k, v in zip(self.blocks, state.keys, state.values, strict=True):
            x, k, v = block(x, k, v, turns)
            keys.append(k)
            values.append(v)
        after = State(tuple(keys), tuple(values), state.time + x.shape[1])
        return self.skip(self.norm(x)), after


class _Block(nn.Module):
    """Attention and a feed-forward layer, each of normalised inputs and beside a shortcut."""

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.attended = nn.Linear(channels, 3 * channels, bias=False)
        self.out = nn.Linear(channels, channels, bias=False)
        self.wide = nn.Linear(channels, WIDER * channels)
        self.narrow = nn.Linear(WIDER * channels, channels)

    def forward(
        self, x: Tensor, keys: Tensor, values: Tensor, turns: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, R) → the same, and the layer's new keys and values, see `State`."""
        split = self.attended(self.norms[0](x)).unflatten(2, (3, self.heads, -1))
        q, k, v = split.permute(2, 0, 3, 1, 4)  # each (B, H, T, D)
        keys = torch.cat([keys, rotate(k, turns)], 2)  # (B, H, W - 1 + T, D)
        values = torch.cat([values, v], 2)
        found = attend(rotate(q, turns), keys, values, self.window)
        x = x + self.out(found.transpose(1, 2).flatten(2))
        x = x + self.narrow(F.gelu(self.wide(self.norms[1](x))))
        return x, keys[:, :, x.shape[1] :], values[:, :, x.shape[1] :]


def attend(q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
    """Attention of each of T queries to the last W keys.

    In blocks of W queries, so that time and memory grow with T · W and not with T².

    Args:
        q: (B, H, T, D).
        k, v: (B, H, W - 1 + T, D); query i attends to those from i to i + W - 1.
        window: W.

    Returns:
        (B, H, T, D).
    """
    time = q.shape[2]
    size = min(time, window)  # queries of a block
    blocks = -(-time // size)
    q, k, v = (F.pad(t, (0, 0, 0, blocks * size - time)) for t in (q, k, v))
    q = torch.unflatten(q, 2, (blocks, size))  # (B, H, N, size, D)
    k, v = (t.unfold(2, size + window - 1, size).transpose(3, 4) for t in (k, v))
    at = torch.arange(size + window - 1, device=q.device) - torch.arange(
        size, device=q.device
    ).unsqueeze(1)
    seen = (at >= 0) & (at < window)  # (size, size + W - 1)
    return F.scaled_dot_product_attention(q, k, v, seen).flatten(2, 3)[:, :, :time]


def rotations(begin: int, count: int, channels: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """(T, D / 2) cosines and sines of positions from ``begin`` on.

    The angles are float64: those of a long utterance don't fit into fewer bits.
    """
    speeds = BASE ** -torch.linspace(0, 1, channels // 2, dtype=torch.float64, device=like.device)
    at = torch.arange(begin, begin + count, dtype=torch.float64, device=like.device)
    angles = at[:, None] * speeds
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def rotate(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate (…, T, D) vectors, in pairs of channels of their two halves."""
    a, b = x.chunk(2, -1)
    cosine, sine = turns
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine], -1)
