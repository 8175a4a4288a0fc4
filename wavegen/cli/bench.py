"""`wavegen bench`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

import typer

from wavegen.cli import show
from wavegen.config import Engine, Size, WeightPrecision
from wavegen.errors import WavegenError

if TYPE_CHECKING:
    from wavegen.bench import Result


def _names(kind: Any) -> str:
    return ", ".join(get_args(kind))


def _chosen(option: str, values: list[str] | None, kind: Any, default: Sequence[str]) -> list[str]:
    """What was asked for; Typer has no lists of choices."""
    for value in values or ():
        if value not in get_args(kind):
            raise WavegenError(f"--{option} {value}: choose from {_names(kind)}")
    return [*dict.fromkeys(values or default)]


def bench(
    engine: list[str] | None = typer.Option(
        None, help="naive, cached, numba (default: the last two)."
    ),
    size: list[str] | None = typer.Option(
        None, help="small, medium, large, xl (default: the first three)."
    ),
    batch: list[int] | None = typer.Option(None, min=1, help="Utterances. Default: 1 and 16."),
    threads: list[int] | None = typer.Option(
        None, min=1, help="Default: 1 for one utterance, else every core."
    ),
    precision: list[str] | None = typer.Option(
        None, help="Of numba's weights: f32, bf16, int8 (default: all)."
    ),
    context: int = typer.Option(
        0, min=0, help="Every size also with a context stack on frames of so many samples."
    ),
    voice: str | None = typer.Option(None, help="A real voice in place of the sizes."),
    clips: int = typer.Option(
        0, min=0, help="In place of a batch, so many clips of 0.5 to 4 s, as lanes fall free."
    ),
    train: bool = typer.Option(
        False, "--train", help="Training: forward and backward, against a plain Conv1d twin."
    ),
    repeats: int = typer.Option(5, min=1, help="Measurements of each cell; medians are shown."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a line."),
) -> None:
    """Measure speed on this machine. Every option that picks cells may be given several times."""
    import torch

    from wavegen.bench import (
        ENGINE_YARDSTICK,
        TRAINING_YARDSTICK,
        bench_engines,
        bench_training,
        engine_cells,
        sized,
        training_cells,
    )
    from wavegen.generation import default_engine

    cores = torch.get_num_threads()
    sizes = _chosen("size", size, Size, get_args(Size)[:3])
    engines = _chosen("engine", engine, Engine, (ENGINE_YARDSTICK, default_engine("cpu")))
    precisions = _chosen("precision", precision, WeightPrecision, get_args(WeightPrecision))
    if train:
        if engine or precision or voice or clips or context:
            raise WavegenError("--train takes --size, --batch, --threads and --repeats only")
        cells = [
            cell
            for b in batch or [4]
            for t in threads or [cores]
            for cell in training_cells(sizes, b, t)
        ]
        with show.progress_bar("measuring", "cells") as bar:
            results = bench_training(cells, repeats, bar)
    else:
        if clips and batch:
            raise WavegenError("--clips draws as many clips as it says; leave out --batch")
        if voice and (size or context):
            raise WavegenError("give --voice, or --size and --context")
        if voice:
            from wavegen.library import load_voice

            loaded = load_voice(voice)
            networks = {loaded.name: (loaded.model.eval(), loaded.config)}
        else:
            networks = {s: sized(s) for s in sizes}
            if context:
                networks |= {f"{s}+{context}": sized(s, context) for s in sizes}
        batches = batch or ([clips] if clips else [1, 16])
        cells = engine_cells(networks, batches, threads or [], engines, precisions)
        with show.progress_bar("measuring", "cells") as bar:
            results = bench_engines(networks, cells, clips, repeats=repeats, progress=bar)
    if as_json:
        for r in results:
            row = dataclasses.asdict(r)
            typer.echo(json.dumps(row.pop("cell") | row))
    else:
        _table(results, TRAINING_YARDSTICK if train else ENGINE_YARDSTICK)


def _table(results: list[Result], yardstick: str) -> None:
    from rich.table import Table

    table = Table("engine", "size", "prec.", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("batch", "thr.", "samples/s", "×real", f"×{yardstick}"):
        table.add_column(name, justify="right")
    for name in ("GB/s", "max", "GFLOP/s", "max"):
        table.add_column(name, justify="right")
    for r in results:
        c = r.cell
        table.add_row(
            c.engine,
            c.size,
            c.precision,
            str(c.batch),
            str(c.threads),
            f"{r.samples_per_s:,.0f}",
            f"{r.real_time:.2f}",
            "-" if r.ratio is None else f"{r.ratio:.1f}",
            "-" if r.gigabytes_per_s is None else f"{r.gigabytes_per_s:.0f}",
            "-" if r.of_bandwidth is None else f"{r.of_bandwidth:.0%}",
            f"{r.gigaflops:.0f}",
            f"{r.of_matmul:.0%}",
        )
    show.out.print(table)
    show.out.print("×real: times as fast as the sound plays")
    show.out.print("GB/s: weights read; max: share of what it reads from a buffer of that size")
    show.out.print("GFLOP/s; max: share of torch's best square product on as many threads")
