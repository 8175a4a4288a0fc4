"""`wavegen train`."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wavegen.cli import show
from wavegen.cli.folder import CACHE_HELP, LAYOUT_HELP, open_folder, read_settings, show_dataset
from wavegen.config import Config, read_config
from wavegen.errors import TrainingError

if TYPE_CHECKING:
    import torch

    from wavegen.train import Progress, Trainer


def train(
    audio_dir: Path = typer.Argument(..., help="Folder of recordings, searched at any depth."),
    recipe: str | None = typer.Option(None, help="A recipe's name, or a TOML file."),
    out: Path | None = typer.Option(
        None, "--out", help="Run directory (default: runs/ and the recipe's or folder's name)."
    ),
    resume: bool = typer.Option(False, "--resume", help="Go on where the run stopped."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    steps: int | None = typer.Option(None, min=1, help="Optimiser steps."),
    minutes: float | None = typer.Option(
        None,
        min=0.01,
        max=1e6,
        help="Choose the steps so that training takes about this long.",
    ),
    layout: str | None = typer.Option(None, help=LAYOUT_HELP),
    settings: list[str] = typer.Option(
        [], "--set", metavar="SECTION.KEY=VALUE", help="Override one field of the recipe."
    ),
    allow_bad: bool = typer.Option(
        False, "--allow-bad", help="Train even if over a tenth of the files are unusable."
    ),
    cache_dir: Path | None = typer.Option(None, help=CACHE_HELP),
) -> None:
    """Train a voice on a folder of audio."""
    if steps is not None and minutes is not None:
        raise TrainingError("give --steps or --minutes, not both")
    if layout is not None:
        settings = [*settings, f"data.layout={layout}"]
    if steps is not None:
        settings = [*settings, f"train.steps={steps}"]
    if out is not None and out.exists() and not out.is_dir():
        raise TrainingError(f"--out {out} is a file; it must name a folder")
    run = out or Path("runs") / (Path(recipe).stem if recipe else audio_dir.resolve().name)
    config = _config(run, recipe, resume, settings, minutes)

    import torch

    from wavegen.corpus import fit_speech, new_voice, resolve
    from wavegen.train import Trainer, recorded_split, write_run

    where = _device(device)
    dataset = open_folder(audio_dir, config, cache_dir, allow_bad)
    if resume:
        dataset = recorded_split(run, dataset)
    show_dataset(dataset, config)
    config = resolve(config, dataset, where)
    run.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(new_voice(config, dataset), dataset, run, where)
    if resume:
        trainer.restore()
        if trainer.step >= config.train.steps:
            show.warn(f"the run is already at step {trainer.step:,} of {config.train.steps:,}")
    else:
        with show.progress_bar("aligning the texts", "rounds") as aligning:
            fit_speech(trainer.voice, dataset, aligning)
        if minutes is not None:
            with show.err.status("measuring the speed of training"):
                trainer.calibrate(minutes)
            config = trainer.config
        trainer.save()
    write_run(run, config, dataset)
    field = config.model.receptive_field
    show.err.print(
        f"training {trainer.voice.model.parameter_count:,} parameters "
        f"(receptive field {field:,} samples, {1000 * field / config.audio.sample_rate:.0f} ms) "
        f"on {where.type} in {config.train.precision}, steps {trainer.step:,} to "
        f"{config.train.steps:,}, into {run}",
        soft_wrap=True,
    )
    torch.backends.cuda.matmul.allow_tf32 = True
    again = ["wavegen", "train", str(audio_dir), "--out", str(run), "--resume"]
    again += ["--allow-bad"] * allow_bad + ["--device", device] * (device != "auto")
    again += ["--cache-dir", str(cache_dir)] if cache_dir else []
    _run(trainer, shlex.join(again))


def _config(
    run: Path, recipe: str | None, resume: bool, settings: list[str], minutes: float | None
) -> Config:
    if not resume:
        if (run / "config.toml").exists():
            raise TrainingError(
                f"{run} already holds a run: --resume goes on with it, --out names another place"
            )
        return read_settings(recipe, None, settings)
    if not (run / "config.toml").is_file():
        raise TrainingError(f"nothing to resume in {run}: there is no config.toml")
    changed = [s for s in settings if not s.startswith("train.") or s.startswith("train.seed")]
    if recipe is not None or minutes is not None or changed:
        raise TrainingError(
            "--resume keeps the run's own recipe; only --steps and --set train.… may change it, "
            "and not train.seed"
        )
    return read_config(run / "config.toml", settings)


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise TrainingError(f"--device {name}: choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("--device cuda: no CUDA device is available")
    return torch.device(name)


def _run(trainer: Trainer, again: str) -> None:
    from wavegen.report import Recorder
    from wavegen.train import Hooks, Stopped

    with show.progress_bar("training", "steps") as bar, _stop_signals() as received:
        bar(trainer.step, trainer.config.train.steps)

        def progress(p: Progress) -> None:
            held = "" if p.validation is None else f", held out {p.validation:.3f}"
            text = f"{p.bits:.3f} bits/sample{held}, {p.samples_per_second:,.0f} samples/s"
            bar(p.step, p.steps, text)
            if not sys.stderr.isatty() and p.step % (20 * trainer.config.train.log_every) == 0:
                show.err.print(f"step {p.step:,}/{p.steps:,}: {text}", soft_wrap=True)

        with Recorder(trainer.run, show.warn) as recorder:
            trainer.hooks = Hooks(
                stop=lambda: bool(received),
                progress=progress,
                sample=recorder.sample,
                log=recorder.log,
            )
            try:
                trainer.train()
            except Stopped:
                show.err.print(
                    f"stopped at step {trainer.step:,}; go on with: {again}", soft_wrap=True
                )
                raise typer.Exit(128 + received[0]) from None
    with show.err.status("measuring bits per sample on the test clips"):
        test = trainer.finish()
    said = "" if test is None else f", {test:.4f} bits per sample on the test clips"
    show.err.print(f"{trainer.run / 'voice.safetensors'}: trained{said}", soft_wrap=True)


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Signals received so far; a second Ctrl-C ends at once."""
    received: list[int] = []

    def handle(number: int, frame: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        show.err.print("stopping after this step …")

    old = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for s, handler in old.items():
            signal.signal(s, handler)
