"""Cells of a benchmark and their results, and code common to both benchmarks.

Cells are measured in turn, several times over, and medians are compared, since other load on a
machine comes and goes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import torch
from torch import nn

from wavegen.config import SIZES, Config
from wavegen.model.autoregressive import Autoregressive
from wavegen.model.wavenet import WaveNet
from wavegen.recipe import load_config
from wavegen.training.pruning import Pruning

SAMPLE_RATE = 16000
MELS = 80
ENGINE_YARDSTICK, TRAINING_YARDSTICK = "cached", "conv1d"
"""References of the ratios, in f32."""


@dataclass(frozen=True)
class Cell:
    """One combination to measure."""

    engine: str
    """An engine, or for training ``wavegen`` or ``conv1d``, its plain twin."""
    size: str
    batch: int
    threads: int
    precision: str
    window: float = 0.0
    """Seconds of each row of a training batch."""


@dataclass(frozen=True)
class Result:
    """Medians of a cell's measurements; None where one does not apply."""

    cell: Cell
    samples_per_s: float
    real_time: float
    """Speed as a multiple of real time."""
    ratio: float | None
    """Relative to the reference: `cached` of the same size, batch and threads; in training, the
    plain twin in f32."""
    gigabytes_per_s: float | None
    """Weights read, by one utterance alone in one thread."""
    of_bandwidth: float | None
    """Relative to what this machine reads from a buffer of that size."""
    gigaflops: float
    of_matmul: float
    """Relative to torch's best square product on as many threads: in f32 on a CPU, in bf16 on
    CUDA."""


def sized(name: str, pool: int = 0, sparsity: float = 0.0) -> tuple[WaveNet, Config]:
    """A random network of one of the `SIZES`, conditioned on mel frames and with the inputs of
    linear prediction, and its configuration.

    With ``pool`` it has a context stack of ten blocks of 32 channels on frames of ``pool`` samples,
    and with ``sparsity`` so many blocks of its large matrices are empty.
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
    model = WaveNet(config).eval()
    if sparsity:
        Pruning(model).prune(sparsity)
    return model, config


def weights_per_sample(model: WaveNet) -> int:
    """Weights that every sample is multiplied with, zeros left out; those of a context stack once
    per frame."""

    def count(part: nn.Module) -> int:
        return sum(int(p.count_nonzero()) for p in part.parameters())

    per_row = sum(map(count, (model.conditioning, model.embedding, model.contexts)))
    per_frame = ((count(c) - count(c.embedding)) // c.config.pool for c in model.stacks)
    return count(model) - per_row + sum(per_frame)


def products_per_second(model: Autoregressive, config: Config) -> float:
    """Products that drawing a second of sound takes, about, with those of the conditioning."""
    assert isinstance(model, WaveNet)
    rows = model.conditioning.weight.numel() / config.hop_length
    return config.audio.sample_rate * (weights_per_sample(model) + rows)


def measure_in_turn(
    runs: dict[Hashable, Callable[[], float]],
    repeats: int,
    progress: Callable[[int, int], None],
) -> dict[Hashable, float]:
    """Median of what each function measures, all of them called in turn ``repeats`` times.

    ``progress`` is called with (done, total) measurements.
    """
    rates: dict[Hashable, list[float]] = {key: [] for key in runs}
    threads = torch.get_num_threads()
    try:
        for turn in range(repeats):
            for done, (key, run) in enumerate(runs.items(), 1):
                rates[key].append(run())
                progress(turn * len(runs) + done, repeats * len(runs))
    finally:
        torch.set_num_threads(threads)
    return {key: statistics.median(r) for key, r in rates.items()}


def matmul_rate(threads: int, device: str = "cpu") -> Callable[[], float]:
    """A function that measures the FLOP/s of torch's square matrix product at its best size: in f32
    on a CPU, in bf16 on CUDA."""
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
            start = clock(device)
            for _ in range(times):
                a @ a
            best = max(best, times * 2 * a.shape[0] ** 3 / (clock(device) - start))
        return best

    return run


def clock(device: str) -> float:
    """Seconds, read once the device has finished its work."""
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()
