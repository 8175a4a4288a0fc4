"""`wavegen render`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.errors import WavegenError

if TYPE_CHECKING:
    from wavegen.rendering.jobs import FailedJob, RenderJob
    from wavegen.rendering.render import Result, Summary

RANKS = (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS"))
"""Where torchrun and SLURM say which process this is."""


def render(
    jobs: Annotated[
        Path,
        typer.Argument(
            help="A list of jobs (JSONL, CSV, or a text a line); - is standard input.",
            metavar="JOBS",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the clips.")],
    voice: o.VoiceName = None,
    speaker: o.Speaker = None,
    seed: Annotated[
        int | None, typer.Option(help="Of all takes (default: made from each file's name).")
    ] = None,
    temperature: o.Temperature = 1.0,
    language: o.Language = None,
    sentence_silence: o.SentenceSilence = None,
    length_scale: o.LengthScale = 1.0,
    pitch_shift: o.PitchShift = 0.0,
    noise_scale: o.NoiseScale = 0.0,
    seconds: o.Seconds = None,
    max_seconds: o.MaxSeconds = 600.0,
    form: o.Format = "wav",
    sample_rate: o.SampleRate = None,
    bits: o.BitDepth = "16",
    volume: o.Volume = 1.0,
    normalize: o.Normalize = None,
    fade: o.Fade = 0.005,
    engine: o.EngineName = None,
    precision: o.Precision = None,
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
        str | None, typer.Option(help="Of the cluster (default: one on this machine).")
    ] = None,
) -> None:
    """Render a list of jobs to a folder of clips; a second call does only what is missing.

    A job has these fields, all optional but text or seconds: text, output_file, voice, speaker,
    seed, temperature, language, sentence_silence, length_scale, pitch_shift, noise_scale, seconds,
    max_seconds. Options hold where a job leaves a field out.
    """
    part = None if shard is None else _shard(shard)
    try:
        if output.exists() and not output.is_dir():
            raise WavegenError(f"output {output} is a file; it must name a folder")
    except OSError as e:  # such as a name that is too long
        raise WavegenError(f"output {output}: {e.strerror or e}") from e
    lines = _lines(jobs)
    from wavegen.files import forget_killed
    from wavegen.rendering.jobs import FailedJob, RenderJob, kind_of, read_jobs
    from wavegen.rendering.manifest import Manifest, shard_name
    from wavegen.rendering.render import Renderer, render, sort_out

    base = RenderJob(
        voice=voice,
        speaker=speaker,
        seed=seed,
        temperature=temperature,
        language=language,
        sentence_silence=sentence_silence,
        length_scale=length_scale,
        pitch_shift=pitch_shift,
        noise_scale=noise_scale,
        seconds=seconds,
        max_seconds=max_seconds,
    )
    head: list[str] = []
    while not "".join(head).strip():
        try:
            head.append(next(lines))
        except StopIteration:
            raise WavegenError(f"{jobs}: the list of jobs is empty") from None
    kind = kind_of(jobs, head[-1])
    renderer = Renderer(o.finish(sample_rate, volume, normalize, fade, bits), engine, precision)

    def checked() -> Iterator[RenderJob | FailedJob]:
        """What is wrong with an option would be said of every job."""
        for job in read_jobs(chain(head, lines), kind, base, f".{form}"):
            if isinstance(job, RenderJob) and (job.voice, job.speaker) == (voice, speaker):
                renderer.voice(job)
            yield job

    read = checked()
    if dry_run:
        _, todo, summary = sort_out(read, renderer, Manifest(output, part))
        sound, work, failed = renderer.estimate(todo)
        for job in [*summary.failed, *failed]:
            _say_failed(job)
        show.out.print(
            f"{len(todo) - len(failed):,} clips to render ({summary.kept:,} are there), "
            f"{_time(sound)} of sound, about {_time(work)} on this machine",
            soft_wrap=True,
        )
        _exit(len(summary.failed) + len(failed), "would fail")
        return
    start = time.monotonic()
    total = done = 0
    sound = 0.0
    with show.progress_bar("rendering", "clips") as bar, _stoppable() as stopped:

        def begin(todo: list[RenderJob], summary: Summary) -> None:
            nonlocal total, start
            for job in summary.failed:
                _say_failed(job)
            total, start = len(todo), time.monotonic()
            bar(0, total, "starting")

        def progress(result: Result) -> None:
            nonlocal done, sound
            done += 1
            if isinstance(result, FailedJob):
                _say_failed(result)
            else:
                sound += result.seconds
            rate = sound / max(time.monotonic() - start, 1e-6)
            bar(done, total, f"{rate:.1f} x real time")

        run = None
        if ray:
            from wavegen.rendering.ray import on_ray

            run = on_ray(renderer, ray_address)
        try:
            summary = render(read, output, renderer, part, run, begin, progress)
        except KeyboardInterrupt:
            forget_killed(output, ending=True)
            show.err.print(
                f"stopped with {done:,} of {total:,} clips done; the same command does the rest",
                soft_wrap=True,
            )
            raise typer.Exit(128 + (stopped or [signal.SIGINT])[0]) from None
    took = max(time.monotonic() - start, 1e-6)
    there = f", {summary.kept:,} were there" if summary.kept else ""
    rate = f", {summary.seconds / took:.1f} x real time" if summary.made else ""
    show.err.print(
        f"{output}: {summary.made:,} clips, {_time(summary.seconds)} of sound{rate}{there}",
        soft_wrap=True,
    )
    _exit(len(summary.failed), f"failed: {output / shard_name('failed', part)} lists them")


def _exit(failed: int, what: str) -> None:
    if failed:
        show.failure(f"{failed:,} {'job' if failed == 1 else 'jobs'} {what}")
        raise typer.Exit(1)


def _say_failed(job: FailedJob) -> None:
    show.failure(f"line {job.line}: {' '.join(job.error.split())}")


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _lines(jobs: Path) -> Iterator[str]:
    try:
        with (
            os.fdopen(0, encoding="utf-8-sig", errors="replace", closefd=False)
            if str(jobs) == "-"
            else jobs.open(encoding="utf-8-sig", errors="replace", newline="")
        ) as file:
            if file.isatty():
                raise WavegenError("standard input is a terminal: give it a list of jobs")
            yield from file
    except OSError as e:
        raise WavegenError(f"can't read {jobs}: {e.strerror}") from e


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
