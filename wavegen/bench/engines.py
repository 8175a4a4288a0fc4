"""Samples per second of the engines."""

from __future__ import annotations

import copy
import dataclasses
import math
import random
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import cast

import torch

from wavegen.audio.filters import of_spectrum
from wavegen.bench.cells import (
    ENGINE_YARDSTICK,
    SAMPLE_RATE,
    Cell,
    Result,
    matmul_rate,
    measure_in_turn,
    weights_per_sample,
)
from wavegen.config import Config, WeightPrecision
from wavegen.generation import ENGINES
from wavegen.generation.job import Job
from wavegen.model.inputs import PHASES
from wavegen.model.wavenet import WaveNet

SHORTEST, LONGEST = 0.5, 4.0
"""Seconds of clips of mixed length."""


def engine_cells(
    sizes: Iterable[str],
    batches: Sequence[int],
    threads: Sequence[int],
    engines: Sequence[str],
    precisions: Sequence[str],
) -> list[Cell]:
    """Every combination with a precision that the engine takes; those that take none compute in
    f32.

    Without ``threads`` one utterance is drawn by one thread and by two, a batch by as many as torch
    uses.
    """
    every = torch.get_num_threads()
    return [
        Cell(engine, size, batch, n, precision)
        for size in sizes
        for batch in batches
        for n in threads or ({1: None, min(2, every): None} if batch == 1 else [every])
        for engine in engines
        for precision in _precisions(engine, precisions)
    ]


def _precisions(engine: str, asked: Sequence[str]) -> list[str]:
    known = ENGINES[engine].precisions
    return [p for p in asked if p in known] if known else ["f32"]


def bench_engines(
    networks: dict[str, tuple[WaveNet, Config]],
    cells: Sequence[Cell],
    clips: int = 0,
    seconds: float = 1.0,
    repeats: int = 5,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Result]:
    """Samples per second of engines.

    Args:
        networks: by the name in `Cell.size`. An engine that does not run on their device is
            measured on a GPU.
        cells: what to measure.
        clips: measure this many clips of mixed length, in place of ``batch`` endless utterances.
        seconds: of one measurement, about.
        repeats: measurements of each cell.
        progress: called with (done, total) measurements.
    """
    runs: dict[Hashable, Callable[[], float]] = {
        c: _DrawingRate(*networks[c.size], c, clips, seconds) for c in cells
    }
    read: dict[Cell, int] = {}
    for c in cells:
        spec = ENGINES[c.engine]
        lone = (c.batch, c.threads) == (1, 1) and not clips
        if lone and spec.bytes_per_sample and spec.read_rate:
            precision = cast(WeightPrecision, c.precision)
            read[c] = spec.bytes_per_sample(networks[c.size][0], precision)
            runs["read", read[c]] = partial(spec.read_rate, read[c])
    places = {c: (c.threads, _device(c.engine, networks[c.size][0])) for c in cells}
    for place in {*places.values()}:
        runs["matmul", place] = matmul_rate(*place)
    rates = measure_in_turn(runs, repeats, progress)
    out = []
    for cell in cells:
        model, config = networks[cell.size]
        rate = rates[cell]
        yardstick = rates.get(dataclasses.replace(cell, engine=ENGINE_YARDSTICK, precision="f32"))
        size = read.get(cell)
        flops = 2 * weights_per_sample(model) * rate
        out.append(
            Result(
                cell,
                samples_per_s=rate,
                real_time=rate / config.audio.sample_rate,
                ratio=None if yardstick is None else rate / yardstick,
                gigabytes_per_s=None if size is None else rate * size / 1e9,
                of_bandwidth=None if size is None else rate * size / rates["read", size],
                gigaflops=flops / 1e9,
                of_matmul=flops / rates["matmul", places[cell]],
            )
        )
    return out


def _device(engine: str, model: WaveNet) -> str:
    """The kind of device that an engine is measured on."""
    place = model.skip_bias.device.type
    return "cuda" if ENGINES[engine].lacks(place) and torch.cuda.is_available() else place


class _DrawingRate:
    """Measures the samples per second of a cell each time it is called."""

    def __init__(
        self, model: WaveNet, config: Config, cell: Cell, clips: int, seconds: float
    ) -> None:
        place = _device(cell.engine, model)
        if place != model.skip_bias.device.type:
            model = copy.deepcopy(model).to(place)
        self._model, self._config, self._cell, self._seconds = model, config, cell, seconds
        frames, device = round(LONGEST * 100), model.skip_bias.device
        self._rows = torch.randn(frames, model.conditioning.weight.shape[1], device=device)
        self._phase = self._predictor = None
        if model.conditioning.phase is not None:
            self._phase = torch.arange(round(LONGEST * SAMPLE_RATE), device=device) % PHASES
        if model.given is not None:
            mel = torch.randn(config.conditioning.mel_channels, frames)
            f0 = 200.0 * (torch.rand(frames) > 0.3)
            self._predictor = of_spectrum(
                mel.numpy(), f0.numpy(), config.audio.sample_rate, config.hop_length
            )
        rng = random.Random(0)
        spread = math.log(SHORTEST), math.log(LONGEST)
        rate = config.audio.sample_rate
        self._lengths = [round(rate * math.exp(rng.uniform(*spread))) for _ in range(clips)]
        self._ready = False

    def __call__(self) -> float:
        if not self._ready:
            self._warm_up()
            self._ready = True
        return sum(self._lengths) / self._draw(self._lengths)

    def _warm_up(self) -> None:
        """Compile, and make endless utterances long enough that starting them does not count."""
        batch = self._cell.batch
        length = 4
        self._draw([length] * batch)
        while (took := self._draw([length] * batch)) < self._seconds / 4:
            length *= 2
        self._lengths = self._lengths or [round(length * self._seconds / took)] * batch

    def _draw(self, lengths: Sequence[int]) -> float:
        """Seconds that utterances of these lengths take together."""
        torch.set_num_threads(self._cell.threads)
        spec, config = ENGINES[self._cell.engine], self._config
        precision = cast(WeightPrecision, self._cell.precision) if spec.precisions else None
        jobs = [
            Job(self._rows, n, str(i), phase=self._phase, predictor=self._predictor)
            for i, n in enumerate(lengths)
        ]
        block = config.audio.sample_rate // 20
        start = time.perf_counter()
        for _ in spec.draw(self._model, jobs, config.hop_length, block, precision):
            pass
        return time.perf_counter() - start
