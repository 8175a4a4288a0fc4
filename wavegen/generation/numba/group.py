"""Utterances that one thread of the `numba` engine draws together."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from wavegen.generation.job import Job
from wavegen.generation.numba.layout import Network
from wavegen.generation.numba.state import new_state
from wavegen.generation.numba.step import run
from wavegen.generation.prompt import remember
from wavegen.generation.uniforms import Uniforms
from wavegen.model.wavenet import WaveNet

NOTHING = np.empty((0, 0), np.int64)
NO_LOGITS = np.empty((0, 0, 0), np.float32)


class Group:
    """Up to C utterances that advance together; the first `size` lanes are in use."""

    def __init__(self, net: Network, capacity: int) -> None:
        self.net, self.capacity, self.size = net, capacity, 0
        self._run: Any = run[net.matrices.weights.dtype.name]
        self.state = new_state(net, capacity)
        self.jobs: list[tuple[int, Job, Uniforms]] = []
        self.done: list[int] = []

    def add(self, index: int, job: Job, model: WaveNet | None = None) -> None:
        """Give the next free lane to a job; one with a prompt needs the model."""
        if self.net.phase.size and job.phase is None:
            raise ValueError("this model needs the phase of the pitch")
        lane, self.size = self.size, self.size + 1
        for values in self._by_lane():
            values[lane] = 0
        for queues in (self._queues(), *self._memories()):
            queues[:, lane] = 0
        self.state.code[lane] = self.net.start
        self.state.may_end[lane] = job.ends
        if job.prompt is not None:
            assert model is not None
            self._fill(lane, job, model)
        self.jobs.append((index, job, Uniforms(job.key)))
        self.done.append(0)

    @torch.inference_mode()
    def _fill(self, lane: int, job: Job, model: WaveNet) -> None:
        """Let a lane remember the prompt of its job."""
        assert job.prompt is not None
        past, s, stacks = remember(model, job, self.net.hop), self.state, self.net.stacks
        count = s.position[lane] = job.begin
        s.code[lane] = job.prompt[-1]
        clock = int(s.clock[0])
        _put(self._queues()[:, lane], past.inputs, clock)
        each = len(self.net.dilations), 2, self.net.channels
        gates = s.context_gates.reshape(self.capacity, len(stacks.pool), *each)
        heard = model.output.companded(job.prompt).numpy()
        rings = s.context_codes.reshape(self.capacity, -1)
        for n, memory in enumerate(self._memories()):
            pool = int(stacks.pool[n])
            _put(memory[:, lane], past.frames[n], count // pool)
            rings[lane, s.code_offset[n] :][: count % pool] = heard[count // pool * pool :]
            _put_gates(gates[lane, n], past.gates[n])
        frame, offset = divmod(count, self.net.hop)
        s.until_row[lane] = -offset % self.net.hop
        local = s.local.reshape(self.capacity, *each)[lane]
        row = job.rows[min(frame, len(job.rows) - 1)]
        _put_gates(local, torch.cat(model.conditioning.project(row)))
        s.cond.reshape(self.capacity, -1)[lane] = local.reshape(-1) + gates[lane].sum(0).reshape(-1)

    def remove(self, lane: int) -> None:
        """Free a lane; the last one moves into it."""
        last = self.size = self.size - 1
        if lane != last:
            for queues in (self._queues(), *self._memories()):
                queues[:, lane] = queues[:, last]
            for values in self._by_lane():
                values[lane] = values[last]
        self.jobs[lane], self.done[lane] = self.jobs[last], self.done[last]
        self.jobs.pop()
        self.done.pop()

    def _by_lane(self) -> list[Any]:
        """The arrays that hold a row for each lane."""
        s = self.state
        return [
            values.reshape(self.capacity, -1)
            for values in (
                s.code,
                s.until_row,
                s.position,
                s.may_end,
                s.local,
                s.context_gates,
                s.cond,
                s.context_codes,
            )
        ]

    def _queues(self) -> Any:
        """(slots of all blocks, C, R)."""
        return self.state.queues.reshape(-1, self.capacity, self.net.channels)

    def _memories(self) -> list[Any]:
        """(slots of all blocks, C, channels) of each context stack."""
        s = self.state
        return [
            s.context_queues[begin:end].reshape(-1, self.capacity, channels)
            for begin, end, channels in zip(
                s.context_offset, s.context_offset[1:], self.net.stacks.channels, strict=False
            )
        ]

    def advance(
        self, count: int, forced: Any = NOTHING, logits: Any = NO_LOGITS
    ) -> list[tuple[int, Tensor]]:
        """Draw up to ``count`` samples of every utterance, and drop those that end.

        Returns:
            (index of the job, its (n,) int64 codes) of each; n is below ``count`` where one ends.
            None follow where one has ended by itself.
        """
        left = (j.length - d for (_, j, _), d in zip(self.jobs, self.done, strict=True))
        count = min([count, *left])
        uniforms = np.empty((self.size, count))
        temperatures = np.empty(self.size)
        phases = np.empty((self.size, count), np.int64) if self.net.phase.size else NOTHING
        for lane, (_, job, stream) in enumerate(self.jobs):
            uniforms[lane] = stream.peek(count)
            temperatures[lane] = job.temperature
            at = job.begin + self.done[lane]
            if phases.size and (known := job.phases(at, at + count)) is not None:
                phases[lane] = known.numpy()
        drawn = np.empty((self.size, count), np.int64)
        rows = self._rows(count)
        count = self._run(
            self.net, self.state, self.size, count, rows.reshape(-1), rows.shape[1],
            phases, uniforms, temperatures, forced, drawn, logits,
        )  # fmt: skip
        out = []
        for lane in reversed(range(self.size)):
            index, job, stream = self.jobs[lane]
            stream.draw(count)
            self.done[lane] += count
            over = count > 0 and drawn[lane, count - 1] == self.net.end
            if count > over:
                out.append((index, torch.from_numpy(drawn[lane, : count - over])))
            if over:
                out.append((index, torch.from_numpy(drawn[lane, :0])))
            if over or self.done[lane] == job.length:
                self.remove(lane)
        return out

    def _rows(self, count: int) -> Any:
        """(size, F, E) the rows that begin within the next samples."""
        hop = self.net.hop
        frames = -(-count // hop) + 1
        out = np.zeros((self.size, frames, self.net.row), np.float32)
        for lane, (_, job, _) in enumerate(self.jobs):
            first = -(-(job.begin + self.done[lane]) // hop)
            wanted = torch.arange(first, first + frames).clamp_(max=len(job.rows) - 1)
            out[lane, :, : job.rows.shape[1]] = job.rows[wanted].detach().numpy()
        return out


def _put(queues: Any, inputs: list[Tensor], time: int) -> None:
    """Put the last inputs of blocks, each (slots, R), oldest first, into one lane's (slots of all
    blocks, padded R), so that the block at ``time`` finds them."""
    first = 0
    for block in inputs:
        slots, channels = block.shape
        at = first + np.arange(time - slots, time) % slots
        queues[at, :channels] = block.numpy()
        first += slots


def _put_gates(to: Any, gates: Tensor) -> None:
    """(L · 2R,) into (L, 2, padded R)."""
    values = gates.numpy().reshape(len(to), 2, -1)
    to[..., : values.shape[-1]] = values
