"""Training speed, against the same network as most write it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Hashable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavegen.audio.linear_prediction import INPUTS
from wavegen.bench.cells import (
    MELS,
    TRAINING_YARDSTICK,
    Cell,
    Result,
    clock,
    matmul_rate,
    measure_in_turn,
    sized,
    weights_per_sample,
)
from wavegen.config import Config
from wavegen.model.wavenet import WaveNet

WINDOW = 4000
"""Samples of one row of a training batch."""


class Conv1dWaveNet(nn.Module):
    """A WaveNet on (B, C, T) with one `Conv1d` for each product; the yardstick of training."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        m, encoded = config.model, config.conditioning.encoder_channels
        c, s = m.residual_channels, m.skip_channels
        self.dilations, self.reach = m.dilations, m.kernel_size - 1
        self.embedding = nn.Embedding(257, c)
        self.given = nn.Conv1d(INPUTS, c, 1, bias=False)
        self.taps = nn.ModuleList(
            nn.Conv1d(c, 2 * c, m.kernel_size, dilation=d) for d in m.dilations
        )
        self.cond = nn.ModuleList(nn.Conv1d(encoded, 2 * c, 1) for _ in m.dilations)
        self.residual = nn.ModuleList(nn.Conv1d(c, c, 1) for _ in m.dilations)
        self.skip = nn.ModuleList(nn.Conv1d(c, s, 1) for _ in m.dilations)
        self.hidden, self.head = nn.Conv1d(s, s, 1), nn.Conv1d(s, 256, 1)

    def forward(self, codes: Tensor, rows: Tensor, given: Tensor) -> Tensor:
        """(B, T) codes, (B, E, F) rows and (B, INPUTS, T) inputs to (B, 256, T) logits."""
        before = F.pad(codes, (1, 0), value=256)[:, :-1]
        x = self.embedding(before).transpose(1, 2) + self.given(given)
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
    ways = itertools.product((TRAINING_YARDSTICK, "wavegen"), ("f32", "bf16"))
    return [Cell(way, size, batch, threads, p) for size, (way, p) in itertools.product(sizes, ways)]


def bench_training(
    cells: Sequence[Cell],
    repeats: int = 5,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Result]:
    """Samples per second of forward and backward passes, on CUDA where there is a device.

    Args:
        cells: from `training_cells`; a batch is this many windows of `WINDOW` samples.
        repeats: measurements of each cell.
        progress: called with (done, total) measurements.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    runs: dict[Hashable, Callable[[], float]] = {c: _training_rate(c, device) for c in cells}
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
                ratio=rates[cell] / rates[twin],
                gigabytes_per_s=None,
                of_bandwidth=None,
                gigaflops=flops / 1e9,
                of_matmul=flops / rates["matmul", cell.threads],
            )
        )
    return out


def _training_rate(cell: Cell, device: str) -> Callable[[], float]:
    """A function that measures samples per second."""
    codes = torch.randint(0, 256, (cell.batch, WINDOW), device=device)
    rows = torch.randn(cell.batch, WINDOW // 160, MELS, device=device)
    given = torch.randn(cell.batch, WINDOW, INPUTS, device=device)
    wavenet, config = sized(cell.size)
    model = Conv1dWaveNet(config) if cell.engine == TRAINING_YARDSTICK else wavenet
    model.to(device)

    def step() -> None:
        model.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=cell.precision == "bf16"):
            if isinstance(model, WaveNet):
                logits = model.run(codes, rows, given=given)
                loss = F.cross_entropy(logits.flatten(0, 1), codes.flatten())
            else:
                logits = model(codes, rows.transpose(1, 2), given.transpose(1, 2))
                loss = F.cross_entropy(logits, codes)
        torch.autograd.backward(loss)

    def run() -> float:
        torch.set_num_threads(cell.threads)
        step()
        start = clock(device)
        steps = 0
        while steps < 2 or clock(device) - start < 1:
            step()
            steps += 1
        return steps * codes.numel() / (clock(device) - start)

    return run
