"""Speed of training, against the same network as most write it."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from wavegen.audio.local_features import silence
from wavegen.audio.taps import INPUTS
from wavegen.bench.cells import (
    MELS,
    SAMPLE_RATE,
    TRAINING_YARDSTICK,
    Cell,
    Result,
    clock,
    matmul_rate,
    measure_in_turn,
    sized,
    weights_per_sample,
)
from wavegen.bench.conv1d import Conv1dWaveNet
from wavegen.config import Config, Precision
from wavegen.data.windows import Batch
from wavegen.errors import TrainingError
from wavegen.model.wavenet import WaveNet
from wavegen.training.cuda_graphs import SEEN
from wavegen.training.optimizer_step import Stepper
from wavegen.training.reading import LocalBatch

FUSED = "fused"
"""Engine of a cell that trains with ``train.fused``."""
WINDOW = 0.25
"""Seconds of one row of a batch, unless another length is asked for."""


def training_cells(
    sizes: Sequence[str], batch: int, threads: int, window: float = WINDOW
) -> list[Cell]:
    """Every way to train each size; a batch has this many windows of ``window`` seconds."""
    ways = itertools.product((TRAINING_YARDSTICK, "wavegen"), ("f32", "bf16"))
    return [
        Cell(way, size, batch, threads, p, window)
        for size, (way, p) in itertools.product(sizes, ways)
    ]


def bench_training(
    cells: Sequence[Cell],
    repeats: int = 5,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Result]:
    """Samples per second of optimiser steps, on CUDA where there is a device.

    They are the steps that `wavegen train` takes, with CUDA graphs, on one batch that lies on the
    device; those of the twin are the same without graphs and without a moving average.

    Args:
        cells: from `training_cells`.
        repeats: measurements of each cell.
        progress: called with (done, total) measurements.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = True
    runs: dict[Hashable, Callable[[], float]] = {c: _StepRate(c, device) for c in cells}
    for threads in {c.threads for c in cells}:
        runs["matmul", threads] = matmul_rate(threads, device)
    rates = measure_in_turn(runs, repeats, progress)
    out = []
    for cell in cells:
        twin = dataclasses.replace(cell, engine=TRAINING_YARDSTICK, precision="f32")
        model, config = sized(cell.size)
        flops = 3 * 2 * weights_per_sample(model) * rates[cell]
        out.append(
            Result(
                cell,
                samples_per_s=rates[cell],
                real_time=rates[cell] / config.audio.sample_rate,
                ratio=rates[cell] / rates[twin] if twin in rates else None,
                gigabytes_per_s=None,
                of_bandwidth=None,
                gigaflops=flops / 1e9,
                of_matmul=flops / rates["matmul", cell.threads],
            )
        )
    return out


class Kernel(NamedTuple):
    """What a step launches on a GPU, or the operators that it calls on a CPU."""

    name: str
    calls: float
    """In one step."""
    milliseconds: float
    """Of all of them."""


def training_kernels(cell: Cell, steps: int = 3) -> list[Kernel]:
    """What the optimiser steps of a cell consist of, the longest first."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rate = _StepRate(cell, device)
    rate()  # until it is captured
    activity = ProfilerActivity.CUDA if device == "cuda" else ProfilerActivity.CPU
    with profile(activities=[activity], acc_events=True) as profiled:
        for _ in range(steps):
            rate.step()
        clock(device)  # waits for the device
    found = []
    for event in profiled.key_averages():
        took = event.self_device_time_total if device == "cuda" else event.self_cpu_time_total
        found.append(Kernel(event.key, event.count / steps, took / 1000 / steps))
    return sorted(found, key=lambda kernel: -kernel.milliseconds)


class _StepRate:
    """Measures the samples per second of a cell each time it is called."""

    def __init__(self, cell: Cell, device: str) -> None:
        self._cell, self._device = cell, device
        self._warm = False

    @functools.cached_property
    def step(self) -> Callable[[], None]:
        """Takes an optimiser step."""
        return self._make()

    def __call__(self) -> float:
        cell = self._cell
        torch.set_num_threads(cell.threads)
        if not self._warm:
            for _ in range(SEEN + 2 if self._device == "cuda" else 1):  # until it is captured
                self.step()
            self._warm = True
        start = clock(self._device)
        self.step()
        count = max(2, round(1 / (clock(self._device) - start)))
        start = clock(self._device)
        for _ in range(count):
            self.step()
        took = clock(self._device) - start
        return count * cell.batch * _frames(cell) * SAMPLE_RATE / 100 / took

    def _make(self) -> Callable[[], None]:
        wavenet, config = sized(self._cell.size)
        batch = _batch(config, self._cell).each(lambda t: t.to(self._device))
        if self._cell.engine == TRAINING_YARDSTICK:
            return _twin_step(Conv1dWaveNet(config).to(self._device), batch, self._cell.precision)
        precision = cast(Precision, self._cell.precision)
        fused = self._cell.engine == FUSED
        config = config.replace("train", precision=precision, fused=fused)
        return _own_step(wavenet.train(), config, batch, self._device)


def _frames(cell: Cell) -> int:
    """Frames of local conditioning in a window."""
    return max(1, round(cell.window * 100))


def _batch(config: Config, cell: Cell) -> Batch:
    frames = _frames(cell)
    size, time = cell.batch, frames * config.hop_length
    codes = torch.randint(0, 256, (size, time))
    counted = torch.ones(size, time, dtype=torch.bool)
    local = silence(frames, MELS).each(lambda t: torch.randn(size, *t.shape))
    ids = torch.zeros(size, dtype=torch.int64)
    given = torch.randn(size, time, INPUTS)
    return Batch(codes, codes, ids, ids, local, counted, counted, None, None, given)


def _own_step(model: WaveNet, config: Config, batch: Batch, device: str) -> Callable[[], None]:
    warned: list[str] = []
    stepper = Stepper(model, config.train, Accelerator(cpu=device == "cpu"), warned.append)
    local = LocalBatch(batch, batch.codes.numel(), False)
    stepper.settle(local)
    if warned:  # it would train otherwise than is asked for
        raise TrainingError(warned[0])
    numbers = itertools.count(1)
    return lambda: stepper.update(local, next(numbers))


def _twin_step(model: Conv1dWaveNet, batch: Batch, precision: str) -> Callable[[], None]:
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    assert batch.local is not None
    assert batch.given is not None
    inputs: tuple[Tensor, ...] = (batch.codes, batch.local.mel, batch.given.transpose(1, 2))

    def step() -> None:
        optimiser.zero_grad()
        kind = batch.codes.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=precision == "bf16"):
            loss = F.cross_entropy(model(*inputs), batch.codes)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()

    return step
