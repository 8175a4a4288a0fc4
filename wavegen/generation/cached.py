"""The readable fast path: queues of past activations, one torch step per sample.

Each block keeps the inputs its older taps will need in a ring of (kernel_size - 1) · dilation
slots (Paine et al. 2016, "Fast Wavenet Generation Algorithm"), so a sample costs one step whatever
the receptive field, and memory does not grow with the length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.generation.job import Batch, Job
from wavegen.model.wavenet import WaveNet


@dataclass
class State:
    """All that generation remembers of B utterances."""

    queues: list[Tensor]
    """Per block (slots, B, R): its last inputs, that of time t in slot t % slots."""
    code: Tensor
    """(B,) the last sample, or the start symbol."""
    time: int
    """Samples drawn so far."""


@dataclass(frozen=True)
class Weights:
    """The network's weights, stacked for stepping."""

    model: WaveNet
    taps: list[Tensor]
    """Per block (kernel_size · R, 2R)."""
    residual: list[Tensor]
    """Per block (R, R)."""
    skip: Tensor
    """(L · R, S): one product for all blocks."""

    @classmethod
    def of(cls, model: WaveNet) -> Weights:
        blocks: list[Any] = list(model.blocks)
        return cls(
            model,
            [b.taps.flatten(0, 1) for b in blocks],
            [b.w_res for b in blocks],
            torch.cat([b.w_skip for b in blocks]),
        )


def initial_state(model: WaveNet, batch: int) -> State:
    """Zero queues and the start symbol."""
    w = model.embedding.weight
    m = model.config
    slots = [(m.kernel_size - 1) * d for d in m.dilations]
    return State(
        [w.new_zeros(n, batch, m.residual_channels) for n in slots],
        torch.full((batch,), model.start, device=w.device),
        0,
    )


def step(weights: Weights, state: State, cond: tuple[Tensor, ...]) -> Tensor:
    """Advance by one sample; afterwards ``state.code`` waits for the drawn sample.

    Args:
        weights: of the model.
        state: changed in place.
        cond: (B, 2R) per block, from `Conditioning.project`.

    Returns:
        (B, Q) logits of the sample at ``state.time`` before the call.
    """
    model, t = weights.model, state.time
    channels = model.config.residual_channels
    x = model.embedding(state.code)  # (B, R)
    gates = []
    for i, dilation in enumerate(model.config.dilations):
        queue = state.queues[i]
        slots = queue.shape[0]
        past = [queue[(t + age) % slots] for age in range(0, slots, dilation)]  # oldest first
        z = torch.addmm(cond[i], torch.cat([*past, x], 1), weights.taps[i])
        queue[t % slots] = x
        h = torch.tanh(z[:, :channels]) * torch.sigmoid(z[:, channels:])
        x = torch.addmm(x, h, weights.residual[i])
        gates.append(h)
    state.time = t + 1
    return model.readout(F.linear(torch.cat(gates, 1), weights.skip.t(), model.skip_bias))


@torch.inference_mode()
def generate(
    model: WaveNet, jobs: Iterable[Job], hop_length: int, block: int = 400
) -> Iterator[tuple[int, Tensor]]:
    """Draw the samples of jobs; arguments and result as `naive.generate`."""
    batch = Batch(jobs)
    rows = batch.rows
    weights = Weights.of(model)
    state = initial_state(model, len(rows))
    cond: tuple[Tensor, ...] = ()
    for begin in range(0, batch.length, block):
        n = min(block, batch.length - begin)
        u = batch.uniforms(n)
        codes = torch.empty(len(rows), n, dtype=torch.int64, device=rows.device)
        for i in range(n):
            frame, offset = divmod(begin + i, hop_length)
            if offset == 0 and frame < rows.shape[1]:
                cond = model.conditioning.project(rows[:, frame])
            logits = step(weights, state, cond)
            state.code = model.output.sample(logits, u[:, i], batch.temperatures)
            codes[:, i] = state.code
        yield from batch.pieces(begin, codes)
