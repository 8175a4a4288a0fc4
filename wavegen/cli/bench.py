"""`wavegen bench`."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from wavegen.cli import show
from wavegen.cli.tables import print_table
from wavegen.config import Config, Engine, Size, WeightPrecision
from wavegen.errors import WavegenError

if TYPE_CHECKING:
    from wavegen.bench import Result
    from wavegen.model.wavenet import WaveNet

HEADER = (
    *("engine", "size", "prec.", "batch", "thr.", "samples/s"),
    *("×real", "×{yardstick}", "GB/s", "max", "GFLOP/s", "max"),
)
LEGEND = """\
×real: times as fast as the sound plays
GB/s: weights read; max: of the rate at which a buffer of that size is read
GFLOP/s; max: of torch's best square matrix product on as many threads"""


def bench(
    engine: Annotated[
        list[str] | None,
        typer.Option(
            help="naive, cached, triton, numba (default: cached and the fastest on each device)."
        ),
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option(help="small, medium, large, xl (default: the first three).")
    ] = None,
    batch: Annotated[
        list[int] | None, typer.Option(min=1, help="Utterances at a time (default: 1 and 16).")
    ] = None,
    threads: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Threads (default: 1 and 2 for one utterance, else every core)."),
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(
            help="Precision of the weights, as far as an engine takes it: f32, f16, bf16, int8 "
            "(default: all)."
        ),
    ] = None,
    context: Annotated[
        int, typer.Option(min=0, help="Add a context stack on frames of this many samples.")
    ] = 0,
    sparsity: Annotated[
        list[float] | None,
        typer.Option(
            min=0, max=0.99, help="Beside them, empty this share of the blocks of the weights."
        ),
    ] = None,
    voice: Annotated[
        str | None, typer.Option(help="Measure a voice in place of random networks.")
    ] = None,
    clips: Annotated[
        int,
        typer.Option(min=0, help="In place of a batch, draw this many clips of 0.5 to 4 s."),
    ] = 0,
    train: Annotated[
        bool,
        typer.Option("--train", help="Measure training, against a plain Conv1d network."),
    ] = False,
    window: Annotated[
        list[float] | None,
        typer.Option(min=0.01, help="Seconds of a training window (default: 0.25)."),
    ] = None,
    start: Annotated[
        bool,
        typer.Option("--start", help="Measure how long it takes until a voice is heard."),
    ] = False,
    repeats: Annotated[
        int, typer.Option(min=1, help="Measurements of each cell; medians are shown.")
    ] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Measure speed on this machine. Options that pick cells may be given several times."""
    sizes = _chosen("size", size, Size) or list(get_args(Size)[:3])
    engines = _chosen("engine", engine, Engine)
    precisions = _chosen("precision", precision, WeightPrecision)
    if train and (engine or precision or voice or clips or context or sparsity):
        raise WavegenError("--train takes --size, --batch, --window, --threads and --repeats only")
    if window and not train:
        raise WavegenError("--window is the length of training windows: give --train")
    if clips and batch:
        raise WavegenError("--clips draws as many clips as it says; leave out --batch")
    if voice and (size or context or sparsity):
        raise WavegenError("give --voice, or --size, --context and --sparsity")
    if start:
        if any((engine, precision, clips, context, sparsity, train, size, batch, threads)):
            raise WavegenError("--start takes --voice and --repeats only")
        _start(voice, repeats, as_json)
        return
    from wavegen.bench import ENGINE_YARDSTICK, TRAINING_YARDSTICK

    if train:
        _print(_training(sizes, batch, window, threads, repeats), TRAINING_YARDSTICK, as_json)
        return
    networks = _networks(sizes, context, sparsity or (), voice)
    batches = batch or ([clips] if clips else [1, 16])
    results = _generation(networks, batches, threads, engines, precisions, clips, repeats)
    _print(results, ENGINE_YARDSTICK, as_json)


def _chosen(option: str, values: list[str] | None, choices: Any) -> list[str]:
    """The values given, each once; Typer knows no lists of choices."""
    known = get_args(choices)
    for value in values or ():
        if value not in known:
            raise WavegenError(f"--{option} {value}: choose from {', '.join(known)}")
    return [*dict.fromkeys(values or ())]


def _networks(
    sizes: Sequence[str], context: int, sparsity: Sequence[float], voice: str | None
) -> dict[str, tuple[WaveNet, Config]]:
    """The networks to draw with, by name."""
    from wavegen.bench import sized
    from wavegen.library import load_voice
    from wavegen.model.wavenet import WaveNet

    if voice:
        loaded = load_voice(voice)
        scales = {}
        for scale in loaded.chain:
            model, kind = scale.model.eval(), scale.config.model.kind
            if not isinstance(model, WaveNet):
                raise WavegenError(f"bench measures WaveNets, and voice {loaded.name} is a {kind}")
            rate = f" {scale.sample_rate} Hz" if len(loaded.chain) > 1 else ""
            scales[loaded.name + rate] = (model, scale.config)
        return scales
    found = {s: sized(s) for s in sizes}
    if context:
        found |= {f"{s}+{context}": sized(s, context) for s in sizes}
    return found | {f"{s}-{x:.0%}": sized(s, 0, x) for s in sizes for x in sparsity}


def _generation(
    networks: dict[str, tuple[WaveNet, Config]],
    batches: Sequence[int],
    threads: Sequence[int] | None,
    engines: Sequence[str],
    precisions: Sequence[str],
    clips: int,
    repeats: int,
) -> list[Result]:
    import torch

    from wavegen.bench import ENGINE_YARDSTICK, bench_engines, engine_cells
    from wavegen.generation import default_engine

    if not engines:
        places = ["cpu", *["cuda"] * torch.cuda.is_available()]
        engines = [*dict.fromkeys([ENGINE_YARDSTICK, *map(default_engine, places)])]
    precisions = precisions or get_args(WeightPrecision)
    cells = engine_cells(networks, batches, threads or [], engines, precisions)
    with show.progress_bar("measuring", "cells") as progress:
        return bench_engines(networks, cells, clips, repeats=repeats, progress=progress)


def _training(
    sizes: Sequence[str],
    batches: Sequence[int] | None,
    windows: Sequence[float] | None,
    threads: Sequence[int] | None,
    repeats: int,
) -> list[Result]:
    import torch

    from wavegen.bench import WINDOW, bench_training, training_cells

    cells = [
        cell
        for batch in batches or [4]
        for window in windows or [WINDOW]
        for n in threads or [torch.get_num_threads()]
        for cell in training_cells(sizes, batch, n, window)
    ]
    with show.progress_bar("measuring", "cells") as progress:
        return bench_training(cells, repeats, progress)


def _start(voice: str | None, repeats: int, as_json: bool) -> None:
    from wavegen.bench.start import bench_start
    from wavegen.library import DEFAULT

    with show.progress_bar("measuring", "processes") as progress:
        found = bench_start(voice or DEFAULT, repeats=repeats, progress=progress)
    if as_json:
        for s in found:
            typer.echo(json.dumps(dataclasses.asdict(s)))
        return
    print_table(
        ("until", "seconds", "fastest", "slowest"),
        [
            (s.way, *(f"{pick(s.seconds):.2f}" for pick in (statistics.median, min, max)))
            for s in found
        ],
    )


def _print(results: Sequence[Result], yardstick: str, as_json: bool) -> None:
    if as_json:
        for r in results:
            row = dataclasses.asdict(r)
            typer.echo(json.dumps(row.pop("cell") | row))
        return
    print_table(
        [name.format(yardstick=yardstick) for name in HEADER],
        [
            (
                *(r.cell.engine, r.cell.size, r.cell.precision),
                *(_rows(r), str(r.cell.threads), f"{r.samples_per_s:,.0f}"),
                f"{r.real_time:.2f}",
                "-" if r.ratio is None else f"{r.ratio:.1f}",
                "-" if r.gigabytes_per_s is None else f"{r.gigabytes_per_s:.0f}",
                "-" if r.of_bandwidth is None else f"{r.of_bandwidth:.0%}",
                *(f"{r.gigaflops:.0f}", f"{r.of_matmul:.0%}"),
            )
            for r in results
        ],
    )
    show.out.print(LEGEND)


def _rows(result: Result) -> str:
    """Utterances, or windows and their length."""
    cell = result.cell
    return f"{cell.batch} × {cell.window:g} s" if cell.window else str(cell.batch)
