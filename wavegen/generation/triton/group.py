"""Utterances that the `triton` engine draws together on one device."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from wavegen.audio.filters import compress
from wavegen.audio.linear_prediction import Predictor
from wavegen.audio.taps import TAPS
from wavegen.generation.batch import cut_at_end
from wavegen.generation.job import Doubles, Job, prompt_sound
from wavegen.generation.prompt import PromptState, replay_prompt
from wavegen.generation.triton.kernel import draw
from wavegen.generation.triton.layout import (
    BlockSizes,
    Given,
    Network,
    Sizes,
    StackState,
    State,
)
from wavegen.generation.triton.packing import pad, padded
from wavegen.generation.uniforms import Uniforms
from wavegen.model.wavenet import WaveNet

WARPS = 8
"""Groups of 32 threads of a program."""


@dataclass
class Lane:
    """A job in progress."""

    index: int
    job: Job
    stream: Uniforms
    given: list[Tensor]
    """What the kernel is given by its address, see `Given`."""
    done: int = 0
    """Samples drawn, those of a launch in progress included."""
    ended: bool = False
    """It has ended by itself."""


@dataclass
class Launch:
    """Samples that are being drawn."""

    drawn: Tensor
    """(N, n) int32 on the CPU, complete once ``finished`` has passed."""
    finished: torch.cuda.Event | None
    lanes: list[tuple[int, Lane, int]]
    """Of each job: its lane, and how many of these samples are its own."""


class Group:
    """Up to N utterances that advance together.

    Args:
        model: the network.
        net: the same, packed.
        sizes: of it.
        device: where they are drawn.
    """

    def __init__(self, model: WaveNet, net: Network, sizes: Sizes, device: torch.device) -> None:
        self.model, self.net, self.sizes, self.device = model, net, sizes, device
        self.capacity = sizes.group
        self.state = new_state(sizes, self.capacity, device)
        self.lanes: dict[int, Lane] = {}
        self._free = [*reversed(range(self.capacity))]
        self._zero = torch.zeros(1, dtype=torch.int32, device=device)
        # Lanes without a job draw from these.
        self._nothing = self._given(Job(torch.zeros(1, 0), 0, ""), None)
        self._addresses = np.empty((len(self._nothing), self.capacity), np.int64)
        self._counts = np.empty((len(self._nothing), self.capacity), np.int32)
        for lane in self._free:
            self._point(lane, self._nothing)

    def _grow(self) -> None:
        """Make room for twice as many lanes."""
        new = new_state(self.sizes, self.capacity, self.device)
        self.state = State(*(_joined(pair) for pair in zip(self.state, new, strict=True)))
        self._addresses = np.tile(self._addresses, 2)
        self._counts = np.tile(self._counts, 2)
        self._free = [*reversed(range(self.capacity, 2 * self.capacity))]
        for lane in self._free:
            self._point(lane, self._nothing)
        self.capacity *= 2

    def add(self, index: int, job: Job) -> None:
        """Give a lane to a job.

        Raises:
            ValueError: the network needs the phase of the pitch or a predictor, and the job has
                none.
        """
        if self.sizes.phase and job.phase is None:
            raise ValueError("this model needs the phase of the pitch")
        heard = prompt_sound(job, self.model.coding) if self.sizes.order else None
        if not self._free:
            self._grow()
        lane, s = self._free.pop(), self.state
        program, member = divmod(lane, self.sizes.group)
        s.queues[program, :, member] = 0
        s.code[lane], s.time[lane], s.may_end[lane] = self.sizes.start, job.begin, int(job.ends)
        s.sound[lane] = 0
        for stack in s.stacks:
            stack.queues[program, :, member] = 0
            stack.pooled[lane] = stack.gates[lane] = 0
        if job.prompt is not None:
            self._start_from_prompt(lane, job)
        given = self._given(job, heard)
        if heard is not None:
            order, time = self.sizes.order, job.begin
            s.sound[lane] = self._upload(_ring(torch.from_numpy(heard[1]), order, time))
        self._point(lane, given)
        self.lanes[lane] = Lane(index, job, job.uniforms(self.sizes.draws), given)

    @torch.inference_mode()
    def _start_from_prompt(self, lane: int, job: Job) -> None:
        """Put the state after a job's prompt into its lane."""
        assert job.prompt is not None
        s, time = self.state, job.begin
        program, member = divmod(lane, self.sizes.group)
        known: PromptState = replay_prompt(self.model, job, self.sizes.hop)
        s.code[lane] = job.prompt[-1]
        _fill(s.queues[program, :, member], known.inputs, self.sizes.blocks, time)
        companded = self.model.output.companded(torch.as_tensor(job.prompt))
        for n, (stack, z) in enumerate(zip(s.stacks, self.sizes.stacks, strict=True)):
            frames, rest = divmod(time, z.pool)
            _fill(stack.queues[program, :, member], known.frames[n], z.blocks, frames)
            table = self.net.stacks[n].table
            places = torch.arange(rest, device=table.device) * z.convolution
            codes = companded[time - rest :].to(table.device)
            stack.pooled[lane] = table[places, codes].sum(0)
            gates = torch.unflatten(known.gates[n], 0, (2 * self.sizes.blocks.layers, -1))
            stack.gates[lane] = pad(gates, 1).flatten()

    def _given(self, job: Job, heard: tuple[Doubles, Doubles] | None) -> list[Tensor]:
        """The tensors of `Given`."""
        dtype, order = self.state.queues.dtype, self.sizes.order
        known = torch.as_tensor(job.rows[:])
        rows = F.pad(known.to(dtype), (0, self.sizes.row - known.shape[1]))
        hot = torch.as_tensor(job.temperature, dtype=torch.float64).reshape(-1)
        filters, excitation = torch.ones(1, order + 2), torch.zeros(1)
        if heard is not None:
            assert job.predictor is not None
            predictor = Predictor.of(job.predictor)
            filters = _filters(predictor, order)
            size = padded(int(predictor.lags.max()) + TAPS // 2 + 1)
            excitation = _ring(torch.from_numpy(compress(heard[0])), size, job.begin)
        phase = torch.zeros(1) if job.phase is None else torch.as_tensor(job.phase[:])
        return [
            self._upload(rows),
            self._upload(hot),
            self._upload(filters.float()),
            self._upload(excitation.double()),
            self._upload(phase.int()),
        ]

    def _point(self, lane: int, given: list[Tensor]) -> None:
        self._addresses[:, lane] = [t.data_ptr() for t in given]
        self._counts[:, lane] = [len(t) for t in given]

    def launch(
        self, count: int, forced: Tensor | None = None, logits: Tensor | None = None
    ) -> Launch:
        """Begin to draw the next ``count`` samples of each lane, or what is left of its job.

        Args:
            count: samples.
            forced: (N, count) int32, see `draw`.
            logits: (N, count, Q) f32, see `draw`.
        """
        owned = [
            (lane, x, min(count, x.job.length - x.done)) for lane, x in sorted(self.lanes.items())
        ]
        stride = max(n for _, _, n in owned)
        uniforms = np.zeros((self.capacity, stride, self.sizes.draws))
        counts = np.zeros(self.capacity // self.sizes.group, np.int32)
        for lane, x, n in owned:
            uniforms[lane, :n] = x.stream.draw(n)
            counts[lane // self.sizes.group] = max(counts[lane // self.sizes.group], n)
            x.done += n
        drawn, finished = self._draw(uniforms, counts, forced, logits)
        for lane, x, _ in owned:
            if x.done == x.job.length:
                self._remove(lane)
        return Launch(drawn, finished, owned)

    def _draw(
        self,
        uniforms: Doubles,
        counts: NDArray[np.int32],
        forced: Tensor | None = None,
        logits: Tensor | None = None,
    ) -> tuple[Tensor, torch.cuda.Event | None]:
        """Launch the kernel; `Launch.drawn` and `Launch.finished`."""
        stride = uniforms.shape[1]
        drawn = torch.zeros(self.capacity, stride, dtype=torch.int32, device=self.device)
        rows, hot, filters, past, phase = self._upload(self._addresses)
        given = Given(rows, hot, filters, past, phase, self._upload(self._counts))
        # Triton launches on the current device.
        with torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext():
            draw[(len(counts),)](
                self.net, self.state, given, self.capacity, self._upload(counts), stride,
                self._upload(uniforms), drawn if forced is None else forced, drawn,
                drawn if logits is None else logits, self._zero, self.sizes, num_warps=WARPS,
            )  # fmt: skip
            here = drawn.to("cpu", non_blocking=True)
            finished = None
            if self.device.type == "cuda":
                finished = torch.cuda.Event()  # type: ignore[no-untyped-call]
                finished.record()
        return here, finished

    def run_once(self) -> None:
        """Draw a sample that belongs to no job, of all lanes, and wait for it."""
        counts = np.ones(self.capacity // self.sizes.group, np.int32)
        _, finished = self._draw(np.zeros((self.capacity, 1, self.sizes.draws)), counts)
        if finished is not None:
            finished.synchronize()

    def _remove(self, lane: int) -> None:
        del self.lanes[lane]
        self._free.append(lane)
        self._point(lane, self._nothing)

    def drop_unwanted(self) -> None:
        """Free the lanes of jobs that are no longer wanted."""
        for lane, x in [*self.lanes.items()]:
            if not x.job.wanted():
                x.ended = True
                self._remove(lane)

    def _upload(self, values: Tensor | NDArray[Any]) -> Tensor:
        """A copy on the device, without waiting for what it does."""
        t = torch.as_tensor(values)
        if t.device.type == self.device.type == "cpu":
            return t.clone(memory_format=torch.contiguous_format)
        if t.device.type == "cpu":
            t = t.contiguous().pin_memory()
        return t.to(self.device, non_blocking=True).contiguous()

    def collect(self, launch: Launch) -> list[tuple[int, Tensor]]:
        """(index of the job, its (n,) int64 codes) of each job of a launch; an empty piece after
        the last codes of one that has ended by itself, whose lane is free then. Those of other
        jobs are free as soon as their last samples have been launched."""
        if launch.finished is not None:
            launch.finished.synchronize()
        out, drawn = [], launch.drawn.long().unbind()
        for lane, x, n in launch.lanes:
            if x.ended:
                continue
            codes, x.ended = cut_at_end(drawn[lane][:n], self.model.output)
            if codes.numel():
                out.append((x.index, codes))
            if x.ended:
                out.append((x.index, codes[:0]))
                if self.lanes.get(lane) is x:
                    self._remove(lane)
        return out


def new_state(sizes: Sizes, lanes: int, device: torch.device) -> State:
    """A state of zeros."""
    main, dtype = sizes.blocks, torch.float32 if sizes.f32 else torch.float16
    width = main.layers * 2 * main.channels

    def zeros(*shape: int, dtype: torch.dtype = dtype) -> Tensor:
        return torch.zeros(*shape, dtype=dtype, device=device)

    def queues(z: BlockSizes) -> Tensor:
        return zeros(lanes // sizes.group, z.slots, sizes.group, z.channels)

    def stack(z: BlockSizes) -> StackState:
        return StackState(
            queues=queues(z),
            pooled=zeros(lanes, z.channels, dtype=torch.float32),
            gates=zeros(lanes, width, dtype=torch.float32),
            gated=zeros(lanes, z.channels),
            skip=zeros(lanes, z.channels),
        )

    return State(
        queues=queues(main),
        code=zeros(lanes, dtype=torch.int32),
        time=zeros(lanes, dtype=torch.int32),
        may_end=zeros(lanes, dtype=torch.int32),
        sound=zeros(lanes, sizes.order, dtype=torch.float64),
        stacks=tuple(stack(z.blocks) for z in sizes.stacks),
        local=zeros(lanes, width, dtype=torch.float32),
        gated=zeros(lanes, main.channels),
        skip=zeros(lanes, main.skip),
        hidden=zeros(lanes, main.skip, dtype=torch.float32 if sizes.parts > 1 else dtype),
        outputs=zeros(lanes, sizes.head, dtype=torch.float32),
    )


def _joined(pair: tuple[Any, Any]) -> Any:
    """Two tensors of lanes, or tuples of such, one after the other."""
    old, new = pair
    if isinstance(old, Tensor):
        return torch.cat([old, new])
    parts = [_joined(p) for p in zip(old, new, strict=True)]
    return type(old)(*parts) if hasattr(old, "_fields") else tuple(parts)


def _fill(queues: Tensor, inputs: list[Tensor], sizes: BlockSizes, time: int) -> None:
    """Write the last inputs of all blocks before ``time``, each (n, C), oldest first, into one
    lane's queues, (slots, C padded)."""
    first = 0
    for i, block in enumerate(inputs):
        count, channels = block.shape
        slots = sizes.wrap * 2 ** (i % sizes.cycle)
        at = first + torch.arange(time - count, time, device=queues.device) % slots
        queues[at, :channels] = block.to(queues.device, queues.dtype)
        first += slots


def _filters(predictor: Predictor, order: int) -> Tensor:
    """See `Given.filters`."""
    coefficients = F.pad(predictor.coefficients, (0, order - predictor.order))
    return torch.cat([coefficients, predictor.gains[:, None], predictor.lags[:, None]], 1)


def _ring(values: Tensor, size: int, time: int) -> Tensor:
    """(size,) with the last of (n,) values before ``time``, that of t at t % size."""
    out, last = values.new_zeros(size), values[max(0, len(values) - size) :]
    out[torch.arange(time - len(last), time) % size] = last
    return out
