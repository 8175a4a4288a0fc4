"""Queues of past activations: WaveNet in one torch step per sample.

Each block keeps the inputs its older taps will need in a ring of (kernel_size - 1) · dilation
slots (Paine et al. 2016, "Fast Wavenet Generation Algorithm"), so a sample costs one step whatever
the receptive field, and memory does not grow with the length. Context stacks step in the same way,
once per frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.generation.batch import Batch
from wavegen.generation.job import Job
from wavegen.generation.prompt import replay_prompt
from wavegen.model.context import ContextStack
from wavegen.model.wavenet import WaveNet

Gates = Sequence[Tensor]
"""(B, 2R) for each block."""


@dataclass
class StackState:
    """The memory of a context stack for B utterances."""

    queues: list[Tensor]
    """Per block (slots, B, C): its last inputs, that of frame k in slot k % slots."""
    codes: Tensor
    """(B, P) µ-law codes, of sample t at t % P."""
    frames: int
    """Complete frames so far."""
    gates: Gates
    """What it adds to the main stack's gates until the next frame is complete."""


@dataclass
class State:
    """The memory of the whole network for B utterances."""

    queues: list[Tensor]
    """Per block (slots, B, R): its last inputs, that of time t in slot t % slots."""
    code: Tensor
    """(B,) the last sample, or the start symbol."""
    time: int
    """Samples so far, including the prompt."""
    contexts: list[StackState]


@dataclass(frozen=True)
class Blocks:
    """The weights of gated residual blocks, stacked for stepping."""

    dilations: tuple[int, ...]
    taps: list[Tensor]
    """Per block (kernel_size · R, 2R)."""
    residual: list[Tensor]
    """Per block (R, R)."""
    skip: Tensor
    """(L · R, S): one product for all blocks."""

    @classmethod
    def from_modules(cls, blocks: Sequence[Any]) -> Blocks:
        return cls(
            tuple(b.dilation for b in blocks),
            [b.taps.flatten(0, 1) for b in blocks],
            [b.w_res for b in blocks],
            torch.cat([b.w_skip for b in blocks]),
        )

    def step(
        self, x: Tensor, queues: list[Tensor], time: int, gates: Gates, bias: Tensor
    ) -> Tensor:
        """One step, from (B, R) input at ``time`` to (B, S) skip sum; the queues advance."""
        channels = x.shape[1]
        out = []
        for i, dilation in enumerate(self.dilations):
            queue = queues[i]
            slots = queue.shape[0]
            # Oldest first.
            past = [queue[(time + age) % slots] for age in range(0, slots, dilation)]
            z = torch.addmm(gates[i], torch.cat([*past, x], 1), self.taps[i])
            queue[time % slots] = x
            h = torch.tanh(z[:, :channels]) * torch.sigmoid(z[:, channels:])
            x = torch.addmm(x, h, self.residual[i])
            out.append(h)
        return F.linear(torch.cat(out, 1), self.skip.t(), bias)


@dataclass(frozen=True)
class Weights:
    """The network's weights, laid out for stepping."""

    model: WaveNet
    main: Blocks
    contexts: list[Blocks]

    @classmethod
    def from_model(cls, model: WaveNet) -> Weights:
        return cls(
            model,
            Blocks.from_modules(model.layers),
            [Blocks.from_modules(list(c.blocks)) for c in model.stacks],
        )


def initial_state(model: WaveNet, batch: int) -> State:
    """Zero queues and the start symbol."""
    w, m = model.skip_bias, model.config

    def queues(channels: int, kernel: int, dilations: Sequence[int]) -> list[Tensor]:
        return [w.new_zeros((kernel - 1) * d, batch, channels) for d in dilations]

    def stack(context: ContextStack) -> StackState:
        c = context.config
        return StackState(
            queues(c.channels, c.kernel_size, c.dilations),
            torch.zeros(batch, c.pool, dtype=torch.int64, device=w.device),
            0,
            [w.new_zeros(batch, 2 * m.residual_channels)] * m.layers,
        )

    return State(
        queues(m.residual_channels, m.kernel_size, m.dilations),
        torch.full((batch,), model.output.start, device=w.device),
        0,
        [stack(c) for c in model.stacks],
    )


def prompted_state(model: WaveNet, jobs: Sequence[Job], hop_length: int) -> State:
    """The state after the prompts of jobs, which have one length."""
    state = initial_state(model, len(jobs))
    prompts = torch.stack(
        [
            torch.as_tensor(j.prompt, device=model.skip_bias.device)
            for j in jobs
            if j.prompt is not None
        ]
    )
    state.time, state.code = prompts.shape[1], prompts[:, -1]
    companded = model.output.companded(prompts)
    replayed = [replay_prompt(model, j, hop_length) for j in jobs]

    def fill(queue: Tensor, inputs: list[Tensor], time: int) -> None:
        last = torch.stack(inputs, 1)  # (slots, B, C), oldest first
        slots = len(queue)
        queue[torch.arange(time - slots, time, device=queue.device) % slots] = last

    for i, queue in enumerate(state.queues):
        fill(queue, [p.inputs[i] for p in replayed], state.time)
    for n, (stack, context) in enumerate(zip(state.contexts, model.stacks, strict=True)):
        pool = context.config.pool
        stack.frames = state.time // pool
        for i, queue in enumerate(stack.queues):
            fill(queue, [p.frames[n][i] for p in replayed], stack.frames)
        stack.codes[:, : state.time % pool] = companded[:, stack.frames * pool :]
        gates = torch.stack([p.gates[n] for p in replayed])
        stack.gates = torch.chunk(gates, len(state.queues), -1)
    return state


def step(
    weights: Weights,
    state: State,
    gates: Gates,
    phase: Tensor | None = None,
    given: Tensor | None = None,
) -> Tensor:
    """Advance by one sample; the caller then sets ``state.code`` to the drawn one.

    Args:
        weights: of the model.
        state: changed in place.
        gates: (B, 2R) per block: conditioning from `Conditioning.project` plus the gates of the
            context stacks.
        phase: (B,) codes of the pitch's phase, for a network with phase.
        given: (B, G) from `Feedback.inputs`, for a network that takes them.

    Returns:
        (B, Q) logits of the sample at ``state.time`` before the call.
    """
    model, t = weights.model, state.time
    state.time = t + 1
    x = model.inputs(state.code, phase, given)
    return model.readout(weights.main.step(x, state.queues, t, gates, model.skip_bias))


def update_stacks(weights: Weights, state: State) -> bool:
    """Give the context stacks the last sample; returns whether it completed a frame of one, so that
    its gates have changed."""
    model, t = weights.model, state.time
    if not t or not state.contexts:
        return False
    companded = model.output.companded(state.code)
    changed = False
    for context, blocks, s in zip(model.stacks, weights.contexts, state.contexts, strict=True):
        pool = context.config.pool
        s.codes[:, (t - 1) % pool] = companded
        if t // pool == s.frames:
            continue
        x = context.pooled(s.codes[:, None])[:, 0]
        gates: Any = context.bias[:, None].expand(-1, len(x), -1)
        skip = blocks.step(x, s.queues, s.frames, gates, context.skip_bias)
        s.gates = torch.chunk(context.gates(skip), len(model.layers), -1)
        s.frames += 1
        changed = True
    return changed


class QueueSteps:
    """Steps of a WaveNet through the samples of a batch; see `cached.Steps`."""

    def __init__(self, model: WaveNet, batch: Batch, hop_length: int) -> None:
        self._weights, self._rows, self._hop = Weights.from_model(model), batch.rows, hop_length
        if batch.begin:
            self._state = prompted_state(model, batch.jobs, hop_length)
        else:
            self._state = initial_state(model, len(batch.rows))
        self._local: Gates = ()
        self._gates: Gates = ()

    def logits(self, phase: Tensor | None, given: Tensor | None) -> Tensor:
        state, frames = self._state, self._rows.shape[1]
        changed = update_stacks(self._weights, state)
        frame, offset = divmod(state.time, self._hop)
        if not self._local or (offset == 0 and frame < frames):
            conditioning = self._weights.model.conditioning
            self._local = conditioning.project(self._rows[:, min(frame, frames - 1)])
            changed = True
        if changed:
            parts = [self._local, *(s.gates for s in state.contexts)]
            self._gates = [torch.stack(p).sum(0) for p in zip(*parts, strict=True)]
        return step(self._weights, state, self._gates, phase, given)

    def append(self, codes: Tensor) -> None:
        self._state.code = codes
