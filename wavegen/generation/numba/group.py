"""Utterances that one thread of the `numba` engine draws together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from wavegen.compiled import Compiled
from wavegen.generation.job import Job, prompt_sound
from wavegen.generation.numba.feedback import Past, gather
from wavegen.generation.numba.follower import Follower
from wavegen.generation.numba.layout import Floats, Integers, Network
from wavegen.generation.numba.state import GATES, SHARED, Part, new_state, scratch
from wavegen.generation.uniforms import Uniforms
from wavegen.model.numpy.layers import linear
from wavegen.model.weights import Network as Stored

run = Compiled("wavegen.generation.numba.step", "run", "the engine")
NO_CODES = np.empty((0, 0), np.int64)
NO_LOGITS = np.empty((0, 0, 0), np.float32)


@dataclass
class Lane:
    """A job in progress."""

    index: int
    job: Job
    stream: Uniforms
    past: Past | None
    """None in a network without inputs of linear prediction."""
    done: int = 0
    """Samples drawn."""

    @property
    def time(self) -> int:
        """The next sample to draw."""
        return self.job.begin + self.done


class Group:
    """Up to C utterances that advance together; the first `size` lanes are in use."""

    def __init__(self, net: Network, capacity: int) -> None:
        self.net, self.capacity, self.size = net, capacity, 0
        self.state = new_state(net, capacity)
        self._following = scratch(self.state)
        self._number = 0
        self.lanes: list[Lane] = []

    def add(self, index: int, job: Job, network: Stored) -> None:
        """Give the next free lane to a job.

        Raises:
            ValueError: the network needs the phase of the pitch or a predictor, and the job has
                none.
        """
        if self.net.phase.size and job.phase is None:
            raise ValueError("this model needs the phase of the pitch")
        past = None
        if self.net.given.size:
            heard = prompt_sound(job, network.coding)
            assert job.predictor is not None
            past = Past(job.predictor, *heard)
        lane, self.size = self.size, self.size + 1
        for values in self._by_lane():
            values[lane] = 0
        for queues in (self._queues(), *self._context_queues()):
            queues[:, lane] = 0
        self.state.code[lane] = self.net.start
        self.state.may_end[lane] = job.ends
        if job.prompt is not None:
            self._start_from_prompt(lane, job, network)
        self.lanes.append(Lane(index, job, job.uniforms(self.net.draws), past))

    def _start_from_prompt(self, lane: int, job: Job, network: Stored) -> None:
        """Put the state after a job's prompt into its lane."""
        from wavegen.generation.prompt import replay_prompt  # imports torch
        from wavegen.model.wavenet import WaveNet

        model = network.module
        assert job.prompt is not None
        assert isinstance(model, WaveNet)
        past = replay_prompt(model, job, self.net.hop)
        s, stacks = self.state, self.net.stacks
        count = s.position[lane] = job.begin
        s.code[lane] = job.prompt[-1]
        clock = int(s.clock[0])
        _write_queues(self._queues()[:, lane], past.inputs, clock)
        each = len(self.net.dilations), 2, self.net.channels
        gates = s.context_gates.reshape(self.capacity, len(stacks.pool), *each)
        codes = network.coding.companded(np.asarray(job.prompt))
        rings = s.context_codes.reshape(self.capacity, -1)
        for n, queues in enumerate(self._context_queues()):
            pool = int(stacks.pool[n])
            _write_queues(queues[:, lane], past.frames[n], count // pool)
            rings[lane, s.code_offset[n] :][: count % pool] = codes[count // pool * pool :]
            _write_gates(gates[lane, n], past.gates[n].numpy())
        frame, offset = divmod(count, self.net.hop)
        s.until_row[lane] = -offset % self.net.hop
        local = s.local.reshape(self.capacity, *each)[lane]
        row = np.asarray(job.rows[min(frame, len(job.rows) - 1)])
        _write_gates(local, linear(network.weights.part("conditioning"), row))
        s.cond.reshape(self.capacity, -1)[lane] = local.reshape(-1) + gates[lane].sum(0).reshape(-1)

    def remove(self, lane: int) -> None:
        """Free a lane; the last lane in use moves into it."""
        last = self.size = self.size - 1
        if lane != last:
            for queues in (self._queues(), *self._context_queues()):
                queues[:, lane] = queues[:, last]
            for values in self._by_lane():
                values[lane] = values[last]
        self.lanes[lane] = self.lanes[last]
        self.lanes.pop()

    def drop_unwanted(self) -> None:
        """Free the lanes of jobs that are no longer wanted."""
        for i in reversed(range(self.size)):
            if not self.lanes[i].job.wanted():
                self.remove(i)

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
        self,
        count: int,
        forced: Any = NO_CODES,
        logits: Any = NO_LOGITS,
        follower: Follower | None = None,
    ) -> list[tuple[int, Integers]]:
        """Draw up to ``count`` samples of every utterance, and free the lanes of those that finish.

        Args:
            count: samples; fewer are drawn if an utterance finishes before.
            forced: (C, count) codes to continue with in place of the drawn ones.
            logits: (C, count, Q) is filled with the logits.
            follower: shares the work on the only utterance; there are no ``logits`` then.

        Returns:
            (index of the job, its (n,) int64 codes) of each; after the last codes of an utterance
            that has ended by itself, an empty piece.
        """
        count = min([count, *(lane.job.length - lane.done for lane in self.lanes)])
        uniforms = np.empty((self.size, count, self.net.draws))
        temperatures = np.empty((self.size, count))
        phases = np.empty((self.size, count), np.int64) if self.net.phase.size else NO_CODES
        for i, lane in enumerate(self.lanes):
            uniforms[i] = lane.stream.peek(count)
            end = lane.time + count
            temperatures[i] = lane.job.temperatures(lane.time, end, self.net.hop)
            if phases.size and (known := lane.job.phases(lane.time, end)) is not None:
                phases[i] = known
        drawn = np.empty((self.size, count), np.int64)
        frames = -(-count // self.net.hop) + 1
        past = gather([(self._row(x) - 1, x.past) for x in self.lanes if x.past], frames + 1, count)
        rest = (
            *(self._rows(frames).reshape(-1), frames, phases, past),
            *(uniforms, temperatures, forced, drawn, logits),
        )
        if follower and count:
            count = self._share(follower, count, rest)
        else:
            count = run(self.net, self.state, self.size, count, int(Part.ALL), 0, *rest)
        out = []
        for i, lane in reversed([*enumerate(self.lanes)]):
            lane.stream.draw(count)
            lane.done += count
            if lane.past:
                lane.past.keep(past, i, count)
            ended = count > 0 and drawn[i, count - 1] == self.net.end
            if count > ended:
                out.append((lane.index, drawn[i, : count - ended]))
            if ended:
                out.append((lane.index, drawn[i, :0]))
            if ended or lane.done == lane.job.length:
                self.remove(i)
        return out

    def _share(self, follower: Follower, count: int, rest: tuple[Any, ...]) -> int:
        """`run` for the only utterance in two threads."""
        link, begin = self.state.link, self._number
        self._number += count
        link[GATES] = begin * len(self.net.dilations)
        parts = self.net, self._following, 1, count, int(Part.FOLLOW), begin, *rest
        with follower.following(partial(run, *parts)):
            done = run(self.net, self.state, 1, count, int(Part.LEAD), begin, *rest)
        follower.report(link[SHARED] / done)
        return done

    def _row(self, lane: Lane) -> int:
        """The first row of conditioning that begins within the next samples."""
        return -(-lane.time // self.net.hop)

    def _rows(self, frames: int) -> Any:
        """(size, F, E) rows of conditioning from there on."""
        out = np.zeros((self.size, frames, self.net.row), np.float32)
        for i, lane in enumerate(self.lanes):
            rows, first = lane.job.rows, self._row(lane)
            wanted = np.arange(first, first + frames).clip(max=len(rows) - 1)
            known = np.asarray(rows[wanted])
            out[i, :, : known.shape[1]] = known
        return out


def _write_queues(queues: Any, inputs: Sequence[Any], time: int) -> None:
    """Write the last inputs of all blocks before ``time``, each (slots, R), oldest first, into one
    lane's queues (slots of all blocks, padded R)."""
    first = 0
    for block in inputs:
        slots, channels = block.shape
        at = first + np.arange(time - slots, time) % slots
        queues[at, :channels] = np.asarray(block)
        first += slots


def _write_gates(to: Any, gates: Floats) -> None:
    """Write (L · 2R,) gates into (L, 2, padded R)."""
    values = gates.reshape(len(to), 2, -1)
    to[..., : values.shape[-1]] = values
