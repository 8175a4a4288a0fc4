"""`wavegen render`."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.errors import WavegenError, counted
from wavegen.request import Finish, Request, options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wavegen.rendering.jobs import FailedJob, RenderJob
    from wavegen.rendering.render import Renderer, Result, Summary

RANKS = (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS"))
"""Where torchrun and SLURM say which process this is."""

Timings = Annotated[
    bool,
    typer.Option("--timings", help="Also write NAME.json: when each word and phoneme is spoken."),
]
Subtitles = Annotated[
    Literal["srt", "vtt"] | None,
    typer.Option(help="Also write subtitles of each clip, NAME.srt or NAME.vtt."),
]


@o.expanded
def render(
    *,
    jobs: Annotated[
        Path,
        typer.Argument(
            help="A job list (JSONL, CSV, or a text per line); - is standard input.",
            metavar="JOBS",
        ),
    ],
    output: o.Folder,
    request: Annotated[Request, o.without("text")],
    form: o.Format = "wav",
    finish: Finish,
    engine: o.EngineName = None,
    precision: o.Precision = None,
    device: o.Device = "auto",
    timings: Timings = False,
    subtitles: Subtitles = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how much there is to do.")
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Render only the K-th of N parts; auto takes both from torchrun or SLURM.",
            metavar="K/N|auto",
        ),
    ] = None,
    ray: Annotated[bool, typer.Option("--ray", help="Spread the work over a Ray cluster.")] = False,
    ray_address: Annotated[
        str | None, typer.Option(help="Address of the cluster (default: one on this machine).")
    ] = None,
) -> None:
    """Render a job list to a folder of clips; a second call does only what is missing.

    The fields of a job are {fields}.

    Only text is required, or seconds if the voice was trained without texts. Options give the
    fields that a job leaves out.
    """
    from wavegen.files import check_output_folder

    part = None if shard is None else _shard(shard)
    check_output_folder(output)
    lines = _lines(jobs)
    first = _first(lines, jobs)
    from wavegen.rendering.jobs import list_format, read_jobs
    from wavegen.rendering.render import Renderer

    times = [*[".json"] * timings, *([f".{subtitles}"] if subtitles else [])]
    renderer = Renderer(finish, engine, precision, device, times)
    read = read_jobs(chain(first, lines), list_format(jobs, first[-1]), request, f".{form}")
    checked = _checked(read, request, renderer)
    if dry_run:
        _estimate(checked, output, renderer, part)
        return
    run = None
    if ray:
        from wavegen.rendering.ray import on_ray

        run = on_ray(renderer, ray_address)
    render_jobs(checked, output, renderer, part, run)


render.__doc__ = (render.__doc__ or "").replace(
    "{fields}", ", ".join(["output_file", *options(Request)])
)


def _checked(
    jobs: Iterable[RenderJob | FailedJob], base: Request, renderer: Renderer
) -> Iterator[RenderJob | FailedJob]:
    """The same jobs. An error in an option, which would come with every job, is raised at once."""
    from wavegen.rendering.jobs import RenderJob

    for job in jobs:
        if isinstance(job, RenderJob):
            asked = job.request
            same = asked.voice, asked.speaker, asked.speaker_path
            if same == (base.voice, base.speaker, base.speaker_path):
                renderer.voice(asked)
        yield job


def _estimate(
    jobs: Iterable[RenderJob | FailedJob],
    output: Path,
    renderer: Renderer,
    part: tuple[int, int] | None,
) -> None:
    """Print how much there is to do, and the jobs that would fail."""
    from wavegen.rendering.manifest import Manifest
    from wavegen.rendering.render import sort_out

    _, todo, summary = sort_out(jobs, renderer, Manifest(output, part))
    sound, work, failed = renderer.estimate(todo)
    for job in [*summary.failed, *failed]:
        say_failed(job)
    show.out.print(
        f"{counted(len(todo) - len(failed), 'clip')} to render ({summary.kept:,} are there), "
        f"{length(sound)} of sound, about {length(work)} on this machine",
        soft_wrap=True,
    )
    _exit(len(summary.failed) + len(failed), "would fail")


def render_jobs(
    jobs: Iterable[RenderJob | FailedJob],
    output: Path,
    renderer: Renderer,
    part: tuple[int, int] | None,
    run: Callable[[Iterable[RenderJob]], Iterator[Result]] | None,
) -> None:
    """Render with a progress bar, and print what came of it; exits with 1 if jobs have failed."""
    from wavegen.files import forget_killed
    from wavegen.rendering.jobs import FailedJob
    from wavegen.rendering.manifest import shard_name
    from wavegen.rendering.render import render

    start = time.monotonic()
    total = done = 0
    sound = 0.0
    with show.progress_bar("rendering", "clips") as bar, _stoppable() as stopped:

        def begin(todo: list[RenderJob], summary: Summary) -> None:
            nonlocal total, start
            for job in summary.failed:
                say_failed(job)
            total, start = len(todo), time.monotonic()
            if todo:
                bar(0, total, "starting")

        def progress(result: Result) -> None:
            nonlocal done, sound
            done += 1
            if isinstance(result, FailedJob):
                say_failed(result)
            else:
                sound += result.seconds
            rate = sound / max(time.monotonic() - start, 1e-6)
            bar(done, total, f"{rate:.1f} x real time")

        try:
            summary = render(jobs, output, renderer, part, run, begin, progress)
        except KeyboardInterrupt:
            forget_killed(output, ending=True)
            show.err.print(
                f"stopped with {done:,} of {counted(total, 'clip')} done; the same command does "
                "the rest",
                soft_wrap=True,
            )
            raise typer.Exit(128 + (stopped or [signal.SIGINT])[0]) from None
    took = max(time.monotonic() - start, 1e-6)
    there = f", {summary.kept:,} were there" if summary.kept else ""
    rate = f", {summary.seconds / took:.1f} x real time" if summary.made else ""
    show.err.print(
        f"{output}: {counted(summary.made, 'clip')}, {length(summary.seconds)} of sound"
        f"{rate}{there}",
        soft_wrap=True,
    )
    _exit(len(summary.failed), f"failed: {output / shard_name('failed', part)} lists them")


def _exit(failed: int, what: str) -> None:
    if failed:
        show.failure(f"{counted(failed, 'job')} {what}")
        raise typer.Exit(1)


def say_failed(job: FailedJob) -> None:
    show.failure(f"line {job.line}: {' '.join(job.error.split())}")


def length(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _lines(jobs: Path) -> Iterator[str]:
    from wavegen.decoding import read_text, text_lines

    try:
        if str(jobs) == "-":
            with os.fdopen(0, "rb", closefd=False) as file:
                if file.isatty():
                    raise WavegenError("standard input is a terminal: give it a job list")
                yield from text_lines(file, "standard input")
        else:
            yield from io.StringIO(read_text(jobs), newline="")
    except OSError as e:
        raise WavegenError(f"can't read {jobs}: {e.strerror}") from e


def _first(lines: Iterator[str], jobs: Path) -> list[str]:
    """The lines up to the first that isn't blank; raises `WavegenError` if there is none."""
    first: list[str] = []
    for line in lines:
        first.append(line)
        if line.strip():
            return first
    raise WavegenError(f"{jobs}: the job list is empty")


def _shard(text: str) -> tuple[int, int]:
    """(rank, world), from 0."""
    if text == "auto":
        for rank, world in RANKS:
            if rank in os.environ and world in os.environ:
                r, w = os.environ[rank], os.environ[world]
                if not (r.isdecimal() and w.isdecimal() and int(r) < int(w)):
                    raise WavegenError(
                        f"--shard auto: {rank}={r} must be a number from 0, below {world}={w}"
                    )
                return int(r), int(w)
        raise WavegenError("--shard auto: neither RANK and WORLD_SIZE nor SLURM_PROCID are set")
    number, _, parts = text.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        raise WavegenError(f"--shard {text}: give K/N, from 1/N to N/N, or auto")
    return int(number) - 1, int(parts)


@contextmanager
def _stoppable() -> Iterator[list[int]]:
    """SIGTERM, too, becomes a `KeyboardInterrupt`; yields the signals received."""
    received: list[int] = []

    def handle(number: int, frame: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGTERM, handle)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, old)
