"""How fast this machine draws samples and trains, as ratios within one run.

Cells are measured in turn, several times over, and medians are compared, since other work on a
machine comes and goes.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.compiled import settled, whole
from wavegen.config import SIZES, Config, WeightPrecision
from wavegen.generation import ENGINES
from wavegen.generation.job import Job
from wavegen.generation.numba import simd
from wavegen.generation.numba.engine import bytes_per_sample
from wavegen.generation.numba.packing import pack
from wavegen.model.conditioning import PHASES
from wavegen.model.wavenet import WaveNet
from wavegen.recipe import load_config

SAMPLE_RATE = 16000
MELS = 80
WINDOW = 4000
"""Samples of one row of a training batch."""
SHORTEST, LONGEST = 0.5, 4.0
"""Seconds of clips of mixed length."""


@dataclass(frozen=True)
class Cell:
    """What is measured."""

    engine: str
    """An engine, or for training ``wavegen`` or ``conv1d``, its plain twin."""
    size: str
    batch: int
    threads: int
    precision: str


@dataclass(frozen=True)
class Result:
    """A cell's medians. What does not apply is None."""

    cell: Cell
    samples_per_s: float
    real_time: float
    """Times as fast as the sound plays."""
    ratio: float | None
    """To `cached` of the same size, batch and threads; in training to the plain twin in f32."""
    gigabytes_per_s: float | None
    """Of weights read, by one utterance alone."""
    of_bandwidth: float | None
    """Of what this machine reads from a buffer of that size."""
    gigaflops: float
    of_matmul: float
    """Of torch's best square product on as many threads: in f32 on a CPU, in bf16 on CUDA."""


def sized(name: str, pool: int = 0) -> tuple[WaveNet, Config]:
    """A random network of one of the `SIZES`, conditioned on mel frames, and its configuration.

    With ``pool`` it has a context stack of ten blocks of 32 channels on frames of so many samples.
    """
    stacks = [{"pool": pool, "layers": 10, "channels": 32}] if pool else []
    config = load_config(
        {
            "audio": {"sample_rate": SAMPLE_RATE},
            "model": {**SIZES[name], "context": stacks},
            "conditioning": {
                "features": "mel",
                "mel_channels": MELS,
                "encoder_channels": MELS,
                "phase": False,
            },
        },
        name,
    )
    return WaveNet(config).eval(), config


def bench_generation(
    networks: dict[str, tuple[WaveNet, Config]],
    cells: Sequence[Cell],
    clips: int = 0,
    seconds: float = 1.0,
    repeats: int = 5,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Result]:
    """Samples per second of engines.

    Args:
        networks: by the name in `Cell.size`.
        cells: what to measure.
        clips: measure so many clips of mixed length, in place of ``batch`` endless utterances.
        seconds: of one measurement, about.
        repeats: measurements of each cell.
        progress: called with (done, total) measurements.
    """
    runs = {c: _generation(*networks[c.size], c, clips, seconds) for c in cells}
    read = {
        c: bytes_per_sample(pack(networks[c.size][0], 1, cast(WeightPrecision, c.precision)))
        for c in cells
        if c.engine == "numba" and c.batch == 1 and not clips
    }
    limits: dict[int, Callable[[], float]] = {n: partial(_bandwidth, n) for n in read.values()}
    rates, fastest, matmul = _in_turn(
        runs, limits, {t: _matmul(t) for t in {c.threads for c in cells}}, repeats, progress
    )
    out = []
    for cell, rate in rates.items():
        model, config = networks[cell.size]
        plain = dataclasses.replace(cell, engine="cached", precision="f32")
        size = read.get(cell)
        flops = 2 * _weights(model) * rate
        out.append(
            Result(
                cell,
                rate,
                rate / config.audio.sample_rate,
                rate / rates[plain] if plain in rates else None,
                None if size is None else rate * size / 1e9,
                None if size is None else rate * size / fastest[size],
                flops / 1e9,
                flops / matmul[cell.threads],
            )
        )
    return out


def _weights(model: WaveNet) -> int:
    """Weights that every sample is multiplied with; those of a context stack, its share."""

    def count(part: nn.Module) -> int:
        return sum(p.numel() for p in part.parameters())

    seldom = sum(map(count, (model.conditioning, model.embedding, model.contexts)))
    shares = ((count(c) - count(c.embedding)) // c.config.pool for c in model.stacks)
    return model.parameter_count - seldom + sum(shares)


def _in_turn(
    cells: dict[Cell, Callable[[], float]],
    limits: dict[int, Callable[[], float]],
    matmul: dict[int, Callable[[], float]],
    repeats: int,
    progress: Callable[[int, int], None],
) -> tuple[dict[Cell, float], dict[int, float], dict[int, float]]:
    """Median rates of all, measured in turn."""
    kinds: tuple[dict[Any, Callable[[], float]], ...] = (cells, limits, matmul)
    rates: list[dict[Any, list[float]]] = [{key: [] for key in kind} for kind in kinds]
    total, done = repeats * sum(map(len, kinds)), 0
    before = torch.get_num_threads()
    try:
        for _ in range(repeats):
            for kind, found in zip(kinds, rates, strict=True):
                for key, run in kind.items():
                    found[key].append(run())
                    done += 1
                    progress(done, total)
    finally:
        torch.set_num_threads(before)
    a, b, c = ({k: statistics.median(r) for k, r in found.items()} for found in rates)
    return a, b, c


def _generation(
    model: WaveNet, config: Config, cell: Cell, clips: int, seconds: float
) -> Callable[[], float]:
    """A function that measures samples per second once."""
    rows = torch.randn(round(LONGEST * 100), model.conditioning.weight.shape[1])
    told = model.conditioning.phase is not None
    phase = torch.arange(round(LONGEST * SAMPLE_RATE)) % PHASES if told else None
    options: dict[str, Any] = {}
    if cell.engine == "numba":
        options = {"precision": cell.precision, "threads": cell.threads}
    rng = random.Random(0)
    rate = config.audio.sample_rate
    spread = [math.exp(rng.uniform(math.log(SHORTEST), math.log(LONGEST))) for _ in range(clips)]
    lengths = [round(rate * s) for s in spread]

    def draw() -> float:
        """Seconds that all utterances take."""
        torch.set_num_threads(cell.threads)
        jobs = [Job(rows, n, str(i), phase=phase) for i, n in enumerate(lengths)]
        start = time.perf_counter()
        for _ in ENGINES[cell.engine](model, jobs, config.hop_length, rate // 20, **options):
            pass
        return time.perf_counter() - start

    def warm_up() -> None:
        """Compile, and make utterances so long that starting them does not count."""
        nonlocal lengths
        wanted = lengths
        lengths = [4] * cell.batch
        draw()
        while (took := draw()) < seconds / 4:
            lengths = [2 * lengths[0]] * cell.batch
        lengths = wanted or [round(lengths[0] * seconds / took)] * cell.batch

    ready = False

    def run() -> float:
        nonlocal ready
        if not ready:
            warm_up()
            ready = True
        return sum(lengths) / draw()

    return run


def _read(buffer: Any, out: Any, times: int) -> None:
    for _ in range(times):
        simd.total(buffer, len(buffer), out)


_compiled_read = whole(_read, "read")


def _bandwidth(nbytes: int, seconds: float = 0.1) -> float:
    """Bytes per second that one thread reads from a buffer of that size, again and again."""
    buffer = torch.randn(nbytes // 4 // simd.PANEL * simd.PANEL).numpy()
    out = np.zeros(simd.PANEL, np.float32)
    settled(_compiled_read, buffer, out, 10)
    start = time.perf_counter()
    times = 0
    while (took := time.perf_counter() - start) < seconds:
        _compiled_read(buffer, out, 10)
        times += 10
    return times * buffer.nbytes / took


def _matmul(threads: int, device: str = "cpu") -> Callable[[], float]:
    """A function that measures FLOP/s of torch's square matrix product at its best size: in f32 on
    a CPU, in bf16 on CUDA."""
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    squares = [
        torch.randn(size, size, device=device, dtype=dtype)
        for size in ((256, 512, 1024) if device == "cpu" else (4096, 8192))
    ]

    def run() -> float:
        torch.set_num_threads(threads)
        best = 0.0
        for a in squares:
            times = max(1, 2 * squares[-1].shape[0] // a.shape[0])
            a @ a
            start = _clock(device)
            for _ in range(times):
                a @ a
            best = max(best, times * 2 * a.shape[0] ** 3 / (_clock(device) - start))
        return best

    return run


def _clock(device: str) -> float:
    """Seconds, once all work given to the device is done."""
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()


class Conv1dWaveNet(nn.Module):
    """The same network as most write it, (B, C, T) and one `Conv1d` for each product; the yardstick
    of training."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        m, encoded = config.model, config.conditioning.encoder_channels
        c, s = m.residual_channels, m.skip_channels
        self.dilations, self.reach = m.dilations, m.kernel_size - 1
        self.embedding = nn.Embedding(257, c)
        self.taps = nn.ModuleList(
            nn.Conv1d(c, 2 * c, m.kernel_size, dilation=d) for d in m.dilations
        )
        self.cond = nn.ModuleList(nn.Conv1d(encoded, 2 * c, 1) for _ in m.dilations)
        self.residual = nn.ModuleList(nn.Conv1d(c, c, 1) for _ in m.dilations)
        self.skip = nn.ModuleList(nn.Conv1d(c, s, 1) for _ in m.dilations)
        self.hidden, self.head = nn.Conv1d(s, s, 1), nn.Conv1d(s, 256, 1)

    def forward(self, codes: Tensor, rows: Tensor) -> Tensor:
        """(B, T) codes and (B, E, F) rows to (B, 256, T) logits."""
        before = F.pad(codes, (1, 0), value=256)[:, :-1]
        x = self.embedding(before).transpose(1, 2)
        total: Tensor | int = 0
        repeat = codes.shape[1] // rows.shape[2]
        for d, taps, cond, residual, skip in zip(
            self.dilations, self.taps, self.cond, self.residual, self.skip, strict=True
        ):
            z = taps(F.pad(x, (d * self.reach, 0)))
            z = z + cond(rows).repeat_interleave(repeat, 2)
            a, b = z.chunk(2, 1)
            h = torch.tanh(a) * torch.sigmoid(b)
            total = total + skip(h)
            x = x + residual(h)
        assert isinstance(total, Tensor)
        logits: Tensor = self.head(F.relu(self.hidden(F.relu(total))))
        return logits


def training_cells(sizes: Sequence[str], batch: int, threads: int) -> list[Cell]:
    """Every way to train each size."""
    ways = itertools.product(("conv1d", "wavegen"), ("f32", "bf16"))
    return [Cell(way, size, batch, threads, p) for size, (way, p) in itertools.product(sizes, ways)]


def bench_training(
    cells: Sequence[Cell],
    repeats: int = 5,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Result]:
    """Samples per second of forward and backward passes, on CUDA where there is a device.

    Args:
        cells: from `training_cells`; a batch has so many windows of `WINDOW` samples.
        repeats: measurements of each cell.
        progress: called with (done, total) measurements.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    runs = {c: _training(c, device) for c in cells}
    matmuls = {t: _matmul(t, device) for t in {c.threads for c in cells}}
    rates, _, matmul = _in_turn(runs, {}, matmuls, repeats, progress)
    out = []
    for cell, rate in rates.items():
        twin = dataclasses.replace(cell, engine="conv1d", precision="f32")
        model, config = sized(cell.size)
        flops = 3 * 2 * _weights(model) * rate
        out.append(
            Result(
                cell,
                rate,
                rate / config.audio.sample_rate,
                rate / rates[twin],
                None,
                None,
                flops / 1e9,
                flops / matmul[cell.threads],
            )
        )
    return out


def _training(cell: Cell, device: str) -> Callable[[], float]:
    codes = torch.randint(0, 256, (cell.batch, WINDOW), device=device)
    rows = torch.randn(cell.batch, WINDOW // 160, MELS, device=device)
    wavenet, config = sized(cell.size)
    model = Conv1dWaveNet(config) if cell.engine == "conv1d" else wavenet
    model.to(device)

    def step() -> None:
        model.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=cell.precision == "bf16"):
            if isinstance(model, WaveNet):
                loss = F.cross_entropy(model.run(codes, rows).flatten(0, 1), codes.flatten())
            else:
                loss = F.cross_entropy(model(codes, rows.transpose(1, 2)), codes)
        torch.autograd.backward(loss)

    def run() -> float:
        torch.set_num_threads(cell.threads)
        step()
        start = _clock(device)
        steps = 0
        while steps < 2 or _clock(device) - start < 1:
            step()
            steps += 1
        return steps * codes.numel() / (_clock(device) - start)

    return run
