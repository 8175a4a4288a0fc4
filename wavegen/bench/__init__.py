"""Benchmarks: speed of generation and training, as ratios within one run."""

from wavegen.bench.cells import (
    ENGINE_YARDSTICK,
    MELS,
    TRAINING_YARDSTICK,
    Cell,
    Result,
    sized,
)
from wavegen.bench.conv1d import Conv1dWaveNet
from wavegen.bench.engines import bench_engines, engine_cells
from wavegen.bench.training import WINDOW, bench_training, training_cells

__all__ = [
    "ENGINE_YARDSTICK",
    "MELS",
    "TRAINING_YARDSTICK",
    "WINDOW",
    "Cell",
    "Conv1dWaveNet",
    "Result",
    "bench_engines",
    "bench_training",
    "engine_cells",
    "sized",
    "training_cells",
]
