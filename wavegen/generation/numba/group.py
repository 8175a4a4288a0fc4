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
from wavegen.generation.prompt import replay_prompt
from wavegen.generation.uniforms import Uniforms
from wavegen.model.wavenet import WaveNet

NO_CODES = np.empty((0, 0), np.int64)
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
        """Give the next free lane to a job; the model is needed for one with a prompt.

        Raises:
            ValueError: the network needs the phase of the pitch, and the job has none.
        """
        if self.net.phase.size and job.phase is None:
            raise ValueError("this model needs the phase of the pitch")
        lane, self.size = self.size, self.size + 1
        for values in self._by_lane():
            values[lane] = 0
        for queues in (self._queues(), *self._context_queues()):
            queues[:, lane] = 0
        self.state.code[lane] = self.net.start
        self.state.may_end[lane] = job.ends
        if job.prompt is not None:
            assert model is not None
            self._start_from_prompt(lane, job, model)
        self.jobs.append((index, job, Uniforms(job.key)))
        self.done.append(0)

    @torch.inference_mode()
    def _start_from_prompt(self, lane: int, job: Job, model: WaveNet) -> None:
        """Put the state after a job's prompt into its lane."""
        assert job.prompt is not None
        past, s, stacks = replay_prompt(model, job, self.net.hop), self.state, self.net.stacks
        count = s.position[lane] = job.begin
        s.code[lane] = job.prompt[-1]
        clock = int(s.clock[0])
        _write_queues(self._queues()[:, lane], past.inputs, clock)
        each = len(self.net.dilations), 2, self.net.channels
        gates = s.context_gates.reshape(self.capacity, len(stacks.pool), *each)
        codes = model.output.companded(job.prompt).numpy()
        rings = s.context_codes.reshape(self.capacity, -1)
        for n, queues in enumerate(self._context_queues()):
            pool = int(stacks.pool[n])
            _write_queues(queues[:, lane], past.frames[n], count // pool)
            rings[lane, s.code_offset[n] :][: count % pool] = codes[count // pool * pool :]
            _write_gates(gates[lane, n], past.gates[n])
        frame, offset = divmod(count, self.net.hop)
        s.until_row[lane] = -offset % self.net.hop
        local = s.local.reshape(self.capacity, *each)[lane]
        row = job.rows[min(frame, len(job.rows) - 1)]
        _write_gates(local, torch.cat(model.conditioning.project(row)))
        s.cond.reshape(self.capacity, -1)[lane] = local.reshape(-1) + gates[lane].sum(0).reshape(-1)

    def remove(self, lane: int) -> None:
        """Free a lane; the last lane in use moves into it."""
        last = self.size = self.size - 1
        if lane != last:
            for queues in (self._queues(), *self._context_queues()):
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

    def _context_queues(self) -> list[Any]:
        """(slots of all blocks, C, channels) of each context stack."""
        s = self.state
        return [
            s.context_queues[begin:end].reshape(-1, self.capacity, channels)
            for begin, end, channels in zip(
                s.context_offset, s.context_offset[1:], self.net.stacks.channels, strict=False
            )
        ]

    def advance(
        self, count: int, forced: Any = NO_CODES, logits: Any = NO_LOGITS
    ) -> list[tuple[int, Tensor]]:
        """Draw up to ``count`` samples of every utterance, and free the lanes of those that finish.

        Args:
            count: samples; fewer are drawn if an utterance finishes before.
            forced: (C, count) codes to continue with in place of the drawn ones.
            logits: (C, count, Q) is filled with the logits.

        Returns:
            (index of the job, its (n,) int64 codes) of each; after the last codes of an utterance
            that has ended by itself, an empty piece.
        """
        left = (j.length - d for (_, j, _), d in zip(self.jobs, self.done, strict=True))
        count = min([count, *left])
        uniforms = np.empty((self.size, count))
        temperatures = np.empty(self.size)
        phases = np.empty((self.size, count), np.int64) if self.net.phase.size else NO_CODES
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
            ended = count > 0 and drawn[lane, count - 1] == self.net.end
            if count > ended:
                out.append((index, torch.from_numpy(drawn[lane, : count - ended])))
            if ended:
                out.append((index, torch.from_numpy(drawn[lane, :0])))
            if ended or self.done[lane] == job.length:
                self.remove(lane)
        return out

    def _rows(self, count: int) -> Any:
        """(size, F, E) rows of conditioning that begin within the next samples."""
        hop = self.net.hop
        frames = -(-count // hop) + 1
        out = np.zeros((self.size, frames, self.net.row), np.float32)
        for lane, (_, job, _) in enumerate(self.jobs):
            first = -(-(job.begin + self.done[lane]) // hop)
            wanted = torch.arange(first, first + frames).clamp_(max=len(job.rows) - 1)
            out[lane, :, : job.rows.shape[1]] = job.rows[wanted].detach().numpy()
        return out


def _write_queues(queues: Any, inputs: list[Tensor], time: int) -> None:
    """Write the last inputs of all blocks before ``time``, each (slots, R), oldest first, into one
    lane's queues (slots of all blocks, padded R)."""
    first = 0
    for block in inputs:
        slots, channels = block.shape
        at = first + np.arange(time - slots, time) % slots
        queues[at, :channels] = block.numpy()
        first += slots


def _write_gates(to: Any, gates: Tensor) -> None:
    """Write (L · 2R,) gates into (L, 2, padded R)."""
    values = gates.numpy().reshape(len(to), 2, -1)
    to[..., : values.shape[-1]] = values
