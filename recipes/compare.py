"""WaveNet beside a GRU and a Transformer of as many parameters, on any folder of sound.

    python recipes/compare.py FOLDER RUNS [--rate 8000] [--steps 200] [--positions 400]
    python recipes/compare.py FOLDER RUNS --plot compare.png [--beside OTHER_RUNS]

Each is trained twice, in RUNS, by the same loop on one thread: for as many steps as the others, and
for as long as the slowest of them takes for these, in processor time. Of the voices trained equally
long it is measured how fast they draw, and what the past is worth to them: bits of held-out
samples, with all of the past, and with none of it but the last 1 to 256 ms. Prints a table, and the
figures as JSON, which RUNS keeps: where it has them, nothing is measured again. The plot is of bits
in the course of training (lines: of the batches, most of which are new to the network; dots: of the
test clips), and by the past, with a row for RUNS and one for each of the others.
"""

from __future__ import annotations

import io
import json
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, is_dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
import typer
from matplotlib.figure import Figure
from torch import Tensor

from wavegen.cli.app import script
from wavegen.config import Config
from wavegen.data.dataset import open_dataset
from wavegen.files import atomic_write, check_output
from wavegen.generation import default_engine, queues
from wavegen.library import load_voice
from wavegen.model.autoregressive import Autoregressive
from wavegen.model.stateful import Stateful
from wavegen.model.wavenet import WaveNet
from wavegen.recipe import load_config
from wavegen.report.page_plots import BLUE, GREY, ORANGE
from wavegen.request import Request
from wavegen.synth import plan, synthesize
from wavegen.training.hooks import Hooks
from wavegen.training.run import start_run
from wavegen.voice import Voice

MODELS: dict[str, dict[str, Any]] = {
    "wavenet": {"layers": 18, "dilation_cycle": 9, "residual_channels": 16},
    "gru": {"layers": 1, "residual_channels": 58},
    "transformer": {"layers": 2, "residual_channels": 32, "heads": 2, "attention": 256},
}
"""Of 44 to 47 thousand parameters."""
RATES = {"wavenet": 8e-3, "gru": 6e-3, "transformer": 3e-3}
"""Peak learning rates."""
CUTS_MS = (1, 4, 16, 64, 256)
PAST = "bits with the past: "
SHARED = {"data": {"layout": "flat", "longest": 10.0, "validation": 0.02, "test": 0.04}}

ROWS = 40
"""Points of the curves of training."""
SMOOTH = 5
"""Of them, whose mean is plotted."""
FIGURES = "figures.json"
COLOURS = dict(zip(MODELS, (BLUE, ORANGE, GREY), strict=True))

Figures = dict[str, float]


class Training(NamedTuple):
    """What a training has come to, and how: (seconds of processor time, bits of the batches since
    the point before)."""

    figures: Figures
    curve: list[tuple[float, float]]


class Results(NamedTuple):
    """Of each network."""

    figures: dict[str, Figures]
    curves: dict[str, list[tuple[float, float]]]
    """Of the longer training."""
    tests: dict[str, list[tuple[float, float]]]
    """Seconds and bits of the test clips, after either training."""


def configuration(kind: str, rate: int, steps: int) -> Config:
    table = SHARED | {
        "audio": {"sample_rate": rate},
        "model": {"kind": kind, "skip_channels": 32, **MODELS[kind]},
        "conditioning": {"features": "none"},
        "train": {
            "steps": steps,
            "batch_size": 4,
            "window_seconds": 2000 / rate,
            "learning_rate": RATES[kind],
            "warmup_steps": min(30, steps),
            "ema_decay": 0.98,
            "precision": "f32",
            "log_every": max(1, steps // ROWS),
            "validate_every": steps,
            "checkpoint_every": steps,
            "sample_every": 0,
        },
    }
    return load_config(table, kind)


def train(folder: Path, run: Path, config: Config) -> Training:
    """Train in a process of its own; its figures are of the training alone, but for the memory,
    which is that of the whole process at its most."""
    torch.set_num_threads(1)
    begin, curve = 0.0, list[tuple[float, float]]()

    def progress(phase: str, done: int, total: int) -> None:
        nonlocal begin
        if phase == "training" and done == 0:
            begin = time.process_time()

    def log(row: dict[str, float]) -> None:
        if "loss_bits" in row:  # or it is of a validation
            curve.append((time.process_time() - begin, row["loss_bits"]))

    result = start_run(folder, run, config, device="cpu", hooks=Hooks(progress=progress, log=log))
    samples = load_voice(result.voice).training["samples_seen"]
    seconds = curve[-1][0]
    assert result.test_bits is not None
    figures = {
        "steps": config.train.steps,
        "seconds": seconds,
        "samples/s": samples / seconds,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "bits": result.test_bits,
    }
    return Training(figures, curve)


def state_bytes(model: Autoregressive) -> int:
    """What generation keeps of the past of an utterance."""

    def size(part: Any) -> int:
        if isinstance(part, Tensor):
            return part.nbytes
        if is_dataclass(part):
            return sum(size(getattr(part, f.name)) for f in fields(part))
        return sum(map(size, part)) if isinstance(part, list | tuple) else 0

    if isinstance(model, WaveNet):
        return size(queues.initial_state(model, 1))
    assert isinstance(model, Stateful)
    return size(model.body.initial(1))


def drawing_rate(voice: Voice, engine: Any, seconds: float) -> float:
    """Samples per second of an utterance on its own, the median of five."""

    def draw(length: float) -> float:
        plans = [*plan(voice, Request(seconds=length))]
        begin = time.process_time()
        [audio] = synthesize(voice, plans, engine=engine)
        return len(audio) / (time.process_time() - begin)

    draw(0.1)  # may compile
    return median(draw(seconds) for _ in range(5))


@torch.inference_mode()
def memory(voice: Voice, recordings: list[np.ndarray], positions: int) -> Figures:
    """Mean bits of held-out samples by the milliseconds of the past that the network is given, and
    with all of it. The samples are the same each time, and all have the longest past."""
    model, hop, rng = voice.model, voice.config.hop_length, np.random.default_rng(0)
    cuts = {f"{ms} ms": max(1, round(ms * voice.sample_rate / 1000)) for ms in CUTS_MS}
    longest = max(cuts.values()) + 1
    known = [voice.samples(torch.from_numpy(a), None)[0] for a in recordings if len(a) > longest]
    weights = np.array([len(c) - longest for c in known], float)
    chosen = rng.choice(len(known), positions, p=weights / weights.sum())
    row = model.conditioning.encode(1)
    nats: dict[str, list[Tensor]] = {name: [] for name in (*cuts, "all")}
    for i in np.unique(chosen):
        codes = known[i]
        at = torch.from_numpy(rng.integers(longest, len(codes), (chosen == i).sum()))
        nats["all"].append(model.nll(codes[None], row, hop)[0, at])
        for name, cut in cuts.items():
            window = codes[at[:, None] + torch.arange(-cut, 1)]
            rows = row.expand(len(at), -1, -1)
            logits = model.run(window, rows, codes[at - cut - 1])[:, -1:]
            nats[name].append(model.output.loss(logits, window[:, -1:])[:, 0])
    return {name: float(torch.cat(x).mean()) / np.log(2) for name, x in nats.items()}


def table(figures: dict[str, Figures]) -> str:
    """A Markdown table with a column for each network."""
    rows = [["", *figures], ["---"] * (len(figures) + 1)]
    for name in next(iter(figures.values())):
        digits = 3 if name.startswith("bits") else 1 if "kilobytes" in name else 0
        rows.append([name, *(f"{f[name]:,.{digits}f}" for f in figures.values())])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def apart(function: Callable[..., Training], *args: Any) -> Training:
    """Call in a fresh process, whose memory is its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def compare(
    folder: Path, runs: Path, rate: int, steps: int, positions: int, seconds: float
) -> Results:
    """Train and measure all networks; the arguments are those of `main`."""
    torch.set_num_threads(1)
    short = dict[str, Training]()
    for kind in MODELS:
        config = configuration(kind, rate, steps)
        short[kind] = apart(train, folder, runs / f"{kind}-steps", config)
        print(kind, short[kind].figures, flush=True)
    longest = max(t.figures["seconds"] for t in short.values())
    results = Results({}, {}, {})
    for kind, first in short.items():
        found, last = first.figures, first
        more = round(steps * longest / found["seconds"])
        run = runs / f"{kind}-{'time' if more > steps else 'steps'}"
        config = configuration(kind, rate, more)
        if more > steps:
            last = apart(train, folder, run, config)
            print(kind, last.figures, flush=True)
        voice = load_voice(run / "voice.safetensors")
        data = open_dataset(folder, config)
        held = [data.audio(p) for p in data.split["test"]]
        cut = memory(voice, held, positions)
        results.figures[kind] = {
            "parameters": voice.model.parameter_count,
            f"bits after {steps} steps": found["bits"],
            f"bits after {longest:.0f} seconds": last.figures["bits"],
            "steps in that time": last.figures["steps"],
            "seconds that they took": last.figures["seconds"],
            "samples/s in training": found["samples/s"],
            "megabytes in training": found["megabytes"],
            "samples/s drawn, engine cached": drawing_rate(voice, "cached", seconds),
            "samples/s drawn, default engine": drawing_rate(
                voice, default_engine("cpu", voice.config.model.kind), seconds
            ),
            "kilobytes kept while drawing": state_bytes(voice.model) / 1024,
            **{f"{PAST}{name}": bits for name, bits in cut.items()},
        }
        print(kind, results.figures[kind], flush=True)
        results.curves[kind] = last.curve
        trainings = [first] if last is first else [first, last]
        results.tests[kind] = [(t.figures["seconds"], t.figures["bits"]) for t in trainings]
    return results


def plot(results: dict[str, Results]) -> bytes:
    """A PNG with a row for each of the results, which are named."""
    figure = Figure(figsize=(8, 2.8 * len(results)), layout="constrained")
    for (name, found), (training, past) in zip(
        results.items(), figure.subplots(len(results), 2, squeeze=False), strict=True
    ):
        for kind, figures in found.figures.items():
            style = {"color": COLOURS[kind], "label": kind}
            # The last point is of the few batches that are left.
            seconds, bits = np.array(found.curves[kind][:-1] or found.curves[kind]).T
            width = min(SMOOTH, len(bits))
            even = np.full(width, 1 / width)
            smooth = (np.convolve(x, even, "valid") for x in (seconds, bits))
            training.plot(*smooth, linewidth=1, **style)
            training.plot(*zip(*found.tests[kind], strict=True), "o", color=COLOURS[kind])
            cuts = {k.removeprefix(PAST): f for k, f in figures.items() if k.startswith(PAST)}
            past.plot([*cuts], [*cuts.values()], "o-", markersize=4, **style)
        worst = max(bits for tests in found.tests.values() for _, bits in tests)
        training.set(title=name, xlabel="processor seconds of training", ylabel="bits per sample")
        training.set_ylim(top=worst + 1)
        past.set(title=name, xlabel="of the past", ylabel="bits per sample")
        training.legend(frameon=False)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    return drawn.getvalue()


def saved(runs: Path) -> Results:
    return Results(*json.loads((runs / FIGURES).read_text()))


def main(
    folder: Annotated[Path, typer.Argument(help="Recordings.")],
    runs: Annotated[Path, typer.Argument(help="A new folder for the run directories.")],
    rate: Annotated[int, typer.Option(help="Sample rate in Hz.")] = 8000,
    steps: Annotated[int, typer.Option(help="Steps of the shorter training.")] = 200,
    positions: Annotated[int, typer.Option(help="Held-out samples whose past is cut.")] = 400,
    seconds: Annotated[float, typer.Option(help="Length of the clips that are drawn.")] = 0.25,
    plotted: Annotated[Path | None, typer.Option("--plot", help="PNG to draw.")] = None,
    beside: Annotated[
        list[Path] | None, typer.Option(help="The RUNS of another comparison, for the plot.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace an existing plot.")] = False,
) -> None:
    """Print a table and, below it, the figures as JSON."""
    if plotted is not None:
        check_output(plotted, force, (".png",))
    others = {other.name: saved(other) for other in beside or ()}
    if (runs / FIGURES).exists():
        results = saved(runs)
    else:
        results = compare(folder, runs, rate, steps, positions, seconds)
        with atomic_write(runs / FIGURES) as file:
            file.write_text(json.dumps(results))
    if plotted is not None:
        with atomic_write(plotted) as file:
            file.write_bytes(plot({**others, runs.name: results}))
    print(table(results.figures))
    print(json.dumps(results.figures))


if __name__ == "__main__":
    script(main)
