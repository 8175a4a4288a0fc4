"""Measure training and generation on a GPU, and write what was found; started by gpu_check.sh.

    python recipes/gpu_check.py training|kernels|reading|engines|report FOLDER [--tiny]

Every part appends its figures to FOLDER/PART.jsonl as soon as it has them, so that one that is
stopped loses nothing; ``report`` makes check.json and check.md of all. ``--tiny`` is a rehearsal on
a CPU, whose figures mean nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from wavegen.assembly import untrained
from wavegen.audio.analysis import analyse
from wavegen.audio.local_features import silence
from wavegen.bench import Cell, bench_engines, bench_training, sized, training_kernels
from wavegen.bench.training import FUSED, WINDOW
from wavegen.config import Config
from wavegen.data.resident import Resident
from wavegen.data.windows import TrainingClip, Windows
from wavegen.errors import TrainingError
from wavegen.generation import ENGINES
from wavegen.recipe import find_recipe, read_config
from wavegen.training.optimizer_step import Stepper
from wavegen.training.reading import Reader

PARTS = ("training", "kernels", "reading", "engines")
SHAPES = [(4, 1.6), (8, 2.0), (16, 2.0), (16, 4.0), (32, 4.0), (64, 4.0)]
"""Windows of a batch and their seconds."""
CUDA = torch.cuda.is_available()

Row = dict[str, Any]


def training(tiny: bool) -> Iterator[Row]:
    """Optimiser steps on a batch that is on the device, by shape."""
    shapes = [(2, WINDOW)] if tiny else SHAPES
    size, threads = "small" if tiny else "medium", torch.get_num_threads()
    cells = [Cell("wavegen", size, batch, threads, "bf16", window) for batch, window in shapes]
    twin = shapes[len(shapes) // 2]
    cells += [Cell("conv1d", size, twin[0], threads, "bf16", twin[1])]
    if not tiny:
        cells += [Cell("wavegen", s, 16, threads, "bf16", 4.0) for s in ("small", "large")]
        cells += [Cell("wavegen", "medium", 16, threads, "f32", 4.0)]
        # The last, since nothing can be measured after a kernel that fails.
        cells += [
            Cell(FUSED, size, batch, threads, "bf16", w) for batch, w in ((4, 1.6), (16, 4.0))
        ]
    for cell in cells:
        yield _steps(cell, tiny)
    if CUDA and not tiny:
        from wavegen.model import fused  # triton is not everywhere

        shape = fused.shape
        fused.shape = lambda kernel, channels, hopper: shape(kernel, channels, False)
        yield _steps(cells[-1], tiny) | {"engine": f"{FUSED}, tiles of other GPUs"}


def _steps(cell: Cell, tiny: bool) -> Row:
    try:
        [result] = bench_training([cell], repeats=1 if tiny else 2)
        found = _figures(result)
    except (RuntimeError, TrainingError) as e:  # such as too little memory; the others go on
        found = {"failed": str(e).partition("\n")[0]}
    memory = torch.cuda.max_memory_allocated() >> 20 if CUDA else 0
    gc.collect()
    if CUDA:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    return dataclasses.asdict(cell) | found | {"peak_mib": memory}


def kernels(tiny: bool) -> Iterator[Row]:
    """What takes the longest in an optimiser step, with plain blocks and with fused ones."""
    size, window = ("small", WINDOW) if tiny else ("medium", 4.0)
    for engine in ("wavegen",) if tiny else ("wavegen", FUSED):
        cell = Cell(engine, size, 2 if tiny else 16, torch.get_num_threads(), "bf16", window)
        found = training_kernels(cell)
        for kernel in found[:15]:
            short = kernel._replace(name=kernel.name[:70])
            yield {"engine": engine} | short._asdict()
        rest = found[15:]
        others = {"calls": sum(k.calls for k in rest)}
        others["milliseconds"] = sum(k.milliseconds for k in rest)
        yield {"engine": engine, "name": f"{len(rest)} others"} | others


def reading(tiny: bool) -> Iterator[Row]:
    """Training of the kathleen recipe's network on made-up recordings, with all of its reading."""
    config = read_config(find_recipe("kathleen"), ["train.predicted=0"])
    config = config.replace("train", precision="bf16", steps=10**6)
    clips, shapes = (12, [(2, 0.3)]) if tiny else (300, [(4, 1.6), (16, 4.0)])
    recordings = [_recording(config, i, 0.5 if tiny else 4.0) for i in range(clips)]
    for batch, window in shapes:
        for resident in (True, False):
            chosen = config.replace("train", batch_size=batch, window_seconds=window)
            yield {"batch": batch, "window": window, "resident": resident} | _trained(
                chosen, recordings, resident, 1 if tiny else 10
            )


def _recording(config: Config, index: int, seconds: float) -> TrainingClip:
    rate, hop = config.audio.sample_rate, config.hop_length
    random = torch.Generator().manual_seed(index)
    audio = 0.02 * torch.randn(round(rate * seconds), generator=random)
    period = 60 + index % 60
    audio[::period] += 0.4
    f0 = rate / period * (torch.arange(-(-len(audio) // hop)) % 20 > 5)
    local = analyse(audio, rate, hop, config.conditioning.mel_channels, f0)
    return TrainingClip(len(audio), 0, lambda a, b: audio[a:b], lambda predicted: local)


def _trained(config: Config, clips: list[TrainingClip], resident: bool, seconds: float) -> Row:
    torch.manual_seed(0)
    config = config.replace("conditioning", features="mel")
    voice = untrained(config, (), ())
    windows = Windows(clips, config, silence(1, config.conditioning.mel_channels))
    warned: list[str] = []
    stepper = Stepper(voice.model.train(), config.train, Accelerator(cpu=not CUDA), warned.append)
    start = time.perf_counter()
    reader = Reader(windows, stepper.accelerator)
    if not resident:
        reader.batch, reader.resident, reader.workers = windows.batch, False, 8 * CUDA
    elif not reader.resident:
        reader.batch, reader.resident = Resident(windows, stepper.device).batch, True
    ready = time.perf_counter() - start
    batches, step, counted = reader.batches(0, 0), 0, 0

    def run(limit: float) -> float:
        nonlocal step, counted
        begin, counted = time.perf_counter(), 0
        while (took := time.perf_counter() - begin) < limit or step < 2:
            _, _, batch = next(batches)
            step, counted = step + 1, counted + batch.counted
            stepper.update(batch, step)
            if step % 20 == 0:
                stepper.norms()  # as a log would, so that the clock is right
        stepper.norms()
        return took

    run(seconds)  # graphs are captured, workers start
    took = run(seconds)
    bits, speech = stepper.sums.tolist()
    return {
        "samples_per_s": counted / took,
        "preparing_s": ready,
        "steps": step,
        "bits": bits / max(speech, 1),
        "warned": warned,
    }


def engines(tiny: bool) -> Iterator[Row]:
    """Generation with each engine on the device that it runs on."""
    size = "small" if tiny else "medium"
    for name in sorted(ENGINES, key=lambda name: name == "numba"):  # it takes long to compile
        spec = ENGINES[name]
        device = "cpu" if name == "numba" or not CUDA else "cuda"
        batches = [1, 16] if name != "triton" else [1, 16, 128, 1024]
        precisions = list(spec.precisions or ("f32",))[:2]
        if name == "naive" or (name == "triton" and not CUDA):
            continue
        model, config = sized(size)
        for batch in batches[:1] if tiny else batches:
            for precision in precisions[:1] if tiny else precisions:
                threads = 1 if batch == 1 else torch.get_num_threads()
                cell = Cell(name, size, batch, threads, precision)
                networks = {size: (model.to(device), config)}
                seconds = 0.1 if tiny else 1.0
                [result] = bench_engines(networks, [cell], seconds=seconds, repeats=1)
                yield dataclasses.asdict(cell) | _figures(result) | {"device": device}


def _figures(result: Any) -> Row:
    kept = ("samples_per_s", "real_time", "gigaflops", "of_matmul")
    return {name: getattr(result, name) for name in kept}


def report(folder: Path) -> None:
    """Write check.json and check.md."""
    rows = {part: _read(folder / f"{part}.jsonl") for part in PARTS}
    tests = folder / "tests.txt"
    said = tests.read_text().strip().splitlines()[-1:] if tests.exists() else []
    about = {
        "device": torch.cuda.get_device_name() if CUDA else "CPU",
        "torch": torch.__version__,
        "python": sys.version.split()[0],
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "tests": said[0] if said else "none were run",
    }
    (folder / "check.json").write_text(json.dumps({**about, **rows}, indent=1))
    lines = [f"# {about['device']}, {about['date']}", ""]
    lines += [f"Torch {about['torch']}, Python {about['python']}. Tests: {about['tests']}", ""]
    for part, found in rows.items():
        lines += [f"## {part}", "", *_table(found), ""]
    (folder / "check.md").write_text("\n".join(lines))


def _read(path: Path) -> list[Row]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def _table(rows: list[Row]) -> Iterator[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not rows:
        yield "Nothing was measured."
        return
    yield f"| {' | '.join(names)} |"
    yield "|" + "---|" * len(names)
    for row in rows:
        yield f"| {' | '.join(_shown(row.get(n)) for n in names)} |"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return "; ".join(value) if isinstance(value, list) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=[*PARTS, "report"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.part == "report":
        report(given.folder)
        return
    parts = {"training": training, "kernels": kernels, "reading": reading, "engines": engines}
    measured = parts[given.part]
    with (given.folder / f"{given.part}.jsonl").open("w") as file:
        for row in measured(given.tiny):
            print(given.part, row, flush=True)
            file.write(json.dumps(row) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
