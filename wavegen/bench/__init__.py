"""Benchmarks: speed of generation and training, as ratios within one run."""

from wavegen.bench.cells import (
    ENGINE_YARDSTICK,
    MELS,
    TRAINING_YARDSTICK,
    Cell,
    Result,
    products_per_second,
    sized,
)
from wavegen.bench.conv1d import Conv1dWaveNet
from wavegen.bench.engines import bench_engines, engine_cells
from wavegen.bench.training import (
    WINDOW,
    bench_training,
    training_cells,
    training_kernels,
)

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
    "products_per_second",
    "sized",
    "training_cells",
    "training_kernels",
]
