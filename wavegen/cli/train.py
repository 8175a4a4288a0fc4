"""`wavegen train`."""

from __future__ import annotations

import dataclasses
import os
import shlex
import signal
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wavegen.cli import show
from wavegen.cli.folder import open_folder, read_settings, show_dataset
from wavegen.config import SIZES, Config, Size
from wavegen.errors import TrainingError
from wavegen.recipe import read_config

if TYPE_CHECKING:
    from accelerate import Accelerator

    from wavegen.report.watch import Watch
    from wavegen.training.trainer import Progress, Trainer
    from wavegen.voice import Voice


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
    layout: str | None = typer.Option(None, help="How files name speakers and texts."),
    fold: str | None = typer.Option(
        None,
        metavar="K/N",
        help="Cross-validation: hold out the K-th of N parts, in its own folder below --out.",
    ),
    size: Size | None = typer.Option(None, help="Of the network, in place of the recipe's."),
    settings: list[str] = typer.Option(
        [], "--set", metavar="SECTION.KEY=VALUE", help="Override one field of the recipe."
    ),
    allow_bad: bool = typer.Option(
        False, "--allow-bad", help="Train even if over a tenth of the files are unusable."
    ),
    cache_dir: Path | None = typer.Option(None, help="Folder of prepared audio."),
) -> None:
    """Train a voice on a folder of audio."""
    if steps is not None and minutes is not None:
        raise TrainingError("give --steps or --minutes, not both")
    if layout is not None:
        settings = [*settings, f"data.layout={layout}"]
    if size is not None:
        settings = [*(f"model.{k}={v}" for k, v in SIZES[size].items()), *settings]
    if steps is not None:
        settings = [*settings, f"train.steps={steps}"]
    if out is not None and out.exists() and not out.is_dir():
        raise TrainingError(f"--out {out} is a file; it must name a folder")
    run = out or Path("runs") / (Path(recipe).stem if recipe else audio_dir.resolve().name)
    if fold is not None:
        config = read_settings(None, None, [f"data.fold={fold}"])  # raises what is wrong with it
        run /= f"fold-{config.data.fold.replace('/', '-of-')}"
        settings = [*settings, *([] if resume else [f"data.fold={fold}"])]
    config = _config(run, recipe, resume, settings, minutes)

    import torch
    from accelerate import Accelerator
    from accelerate.utils import broadcast_object_list

    from wavegen.report.record import describe, read_rows, write_record
    from wavegen.report.watch import Watch
    from wavegen.training.checkpoint import clear, recorded_split, write_run
    from wavegen.training.corpus import fit_speech, new_voice, resolve
    from wavegen.training.trainer import Hooks, Trainer

    _check_device(device)
    # Started by torchrun or accelerate launch, this is one of several processes.
    accelerator = Accelerator(cpu=device == "cpu")
    first = accelerator.is_main_process
    if not first:
        show.set_quiet(True, problems=True)
    with accelerator.main_process_first():  # the others find its cache
        dataset = open_folder(audio_dir, config, cache_dir, allow_bad)
    if resume:
        dataset = recorded_split(run, dataset)
    show_dataset(dataset, config)
    [config] = broadcast_object_list([resolve(config, dataset, accelerator.device)])
    with accelerator.main_process_first():
        run.mkdir(parents=True, exist_ok=True)
        if first:
            clear(run)
    voice = new_voice(config, dataset)
    if first and not resume:
        with show.phases() as progress:
            misfits = fit_speech(voice, dataset, progress, accelerator.device)
        for path, why in misfits:
            show.warn(f"left out {path}: {why}")
        dataset = dataset.leaving_out([path for path, _ in misfits])
    [split] = broadcast_object_list([dataset.split])
    dataset = dataclasses.replace(dataset, split=split)
    trainer = Trainer(voice, dataset, run, accelerator, Hooks(warn=show.warn))
    if resume:
        trainer.restore()
        if trainer.step >= config.train.steps:
            show.warn(f"the run is already at step {trainer.step:,} of {config.train.steps:,}")
    else:
        trainer.save()
        if not first:
            trainer.restore()
        if minutes is not None:
            with show.err.status("measuring the speed of training"):
                trainer.calibrate(minutes)
            config = trainer.config
    watch = Watch(show.warn, config.train.clip_norm)
    if first:
        write_run(run, config, dataset)
        data = describe(dataset, config.audio.sample_rate)
        write_record(run, data, accelerator.device, trainer.step)
        data.warn(watch)
        for row in read_rows(run / "metrics.jsonl"):
            watch.row(row)  # what a resumed run has been through
    show.err.print(
        f"training {trainer.voice.model.parameter_count:,} parameters "
        f"(receptive field {show.timescales(config)}) "
        f"on {_places(accelerator)} in {config.train.precision}, steps {trainer.step:,} to "
        f"{config.train.steps:,}, into {run}",
        soft_wrap=True,
    )
    torch.backends.cuda.matmul.allow_tf32 = True
    with show.err.status("measuring the speed of training"):
        seconds, counted = trainer.speed()
    left = show.duration((config.train.steps - trainer.step) * seconds)
    show.err.print(f"expecting {counted / seconds:,.0f} samples/s: {left} in all")
    place = ["--out", str(run.parent), "--fold", fold] if fold else ["--out", str(run)]
    again = [*_launcher(), "wavegen", "train", str(audio_dir), *place, "--resume"]
    again += ["--allow-bad"] * allow_bad + ["--device", device] * (device != "auto")
    again += ["--cache-dir", str(cache_dir)] if cache_dir else []
    _run(trainer, watch, shlex.join(again))


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


def _check_device(name: str) -> None:
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise TrainingError(f"--device {name}: choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("--device cuda: no CUDA device is available")


def _launcher() -> list[str]:
    """How torchrun was called, if it was."""
    processes, nodes = (os.environ.get(k, "1") for k in ("LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE"))
    if (processes, nodes) == ("1", "1"):
        return []
    many = [] if nodes == "1" else [f"--nnodes={nodes}"]
    return ["torchrun", *many, f"--nproc-per-node={processes}", "-m"]


def _places(accelerator: Accelerator) -> str:
    kind, count = accelerator.device.type, accelerator.num_processes
    return kind if count == 1 else f"{count} processes on {kind}"


def _run(trainer: Trainer, watch: Watch, again: str) -> None:
    from wavegen.data.pieces import source
    from wavegen.report.recorder import Recorder
    from wavegen.training.trainer import Hooks, Stopped, fold_bits

    steps = trainer.config.train.steps
    with (
        show.progress_bar("training", "steps", trainer.step) as bar,
        _stop_signals() as received,
    ):

        def stop() -> bool:
            bar(trainer.step, steps)
            return bool(received)

        def progress(p: Progress) -> None:
            bar(p.step, steps, figures(p))

        with ExitStack() as stack:
            trainer.hooks = Hooks(stop, progress, warn=show.warn)
            if trainer.accelerator.is_main_process:
                paths = trainer.dataset.split["validation"]
                held_out = [trainer.dataset.root / source(p) for p in paths]
                recorder = stack.enter_context(Recorder(trainer.run, show.warn, held_out))

                def log(row: dict[str, float]) -> None:
                    recorder.log(row)
                    watch.row(row)

                def sample(voice: Voice, step: int) -> None:
                    watch.samples(step, recorder.sample(voice, step))

                trainer.hooks.log, trainer.hooks.sample = log, sample
            try:
                trainer.train()
            except Stopped:
                show.err.print(
                    f"stopped at step {trainer.step:,}; go on with: {again}", soft_wrap=True
                )
                trainer.close()
                raise typer.Exit(128 + (received or [signal.SIGTERM])[0]) from None
    with show.err.status("measuring bits per sample on the test clips"):
        test = trainer.finish()
        trainer.close()
    unit = f"bits per {trainer.voice.unit} sample"
    said = "" if test is None else f", {test:.4f} {unit} on the test clips"
    show.err.print(f"{trainer.run / 'voice.safetensors'}: trained{said}", soft_wrap=True)
    if trainer.config.data.fold:
        folds = _summary(fold_bits(trainer.run), trainer.config.data.fold, unit)
        show.err.print(folds, soft_wrap=True)


def figures(p: Progress) -> str:
    """What stands beside the bar; the unit last, where a narrow terminal may cut it off."""
    from tqdm import tqdm

    held_out = "" if p.validation is None else f", held-out {p.validation:.3f}"
    speed = tqdm.format_sizeof(p.samples_per_second)
    return f"loss {p.bits:.3f}{held_out} bits, {speed} samples/s (bits per {p.unit} sample)"


def _summary(bits: dict[int, float], fold: str, unit: str) -> str:
    """One line on the folds of a cross-validation that are done."""
    values = list(bits.values())
    parts = ", ".join(f"fold {k} {b:.4f}" for k, b in bits.items())
    spread = f" ± {statistics.stdev(values):.4f} (standard deviation)" if len(values) > 1 else ""
    return (
        f"{len(bits)} of {fold.partition('/')[2]} folds done, {unit} on their test clips: "
        f"{parts}; mean {statistics.mean(values):.4f}{spread}"
    )


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
