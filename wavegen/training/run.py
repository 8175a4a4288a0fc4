"""A whole training run: from a folder of recordings to a voice in a run directory.

`start_run` and `resume_run` train in this process, or, started by ``torchrun`` or ``accelerate
launch``, in all processes together: each of them makes the same call.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import is_initialized
from accelerate.utils import broadcast_object_list

from wavegen.config import Config
from wavegen.data.dataset import Dataset, open_dataset
from wavegen.errors import TrainingError
from wavegen.library import read_about
from wavegen.training.adapting import Base, origin, read_origin, transplant
from wavegen.training.arithmetic import set_arithmetic
from wavegen.training.checkpoint import FITTING, Fitting, clear, recorded_split, states, write_run
from wavegen.training.corpus import fit_new_speakers, fit_speech, new_voice, resolve
from wavegen.training.hooks import Hooks, Stopped
from wavegen.training.lock import locked
from wavegen.training.resuming import continued
from wavegen.training.scales import (
    COARSER,
    begun,
    finished,
    held_out_alike,
    share,
    with_coarser,
)
from wavegen.training.trainer import Trainer

log = logging.getLogger(__name__)

SPEECH_FRACTION = 0.3
"""Part of ``minutes`` after which no further steps of the acoustic model are planned."""


@dataclass(frozen=True)
class TrainingResult:
    """What a training run has come to."""

    run: Path
    """The run directory."""
    voice: Path
    """The voice file: the averaged weights with the lowest bits per sample on the validation clips,
    or the last ones if there are no such clips."""
    step: int
    """Optimiser steps taken."""
    finished: bool
    """False if the stop hook ended training early; `resume_run` continues."""
    validation_bits: float | None
    """Bits per sample of the voice on the validation clips; None without such clips or before the
    first validation."""
    test_bits: float | None
    """The same on the test clips, measured once training has finished."""
    unit: str
    """What kind of sample the bits are of, such as "µ-law 8-bit"."""
    fold_bits: dict[int, float] = field(default_factory=dict)
    """In a cross-validation, the test bits of every finished fold."""


def start_run(
    folder: Path,
    run: Path,
    config: Config,
    minutes: float | None = None,
    device: str = "auto",
    cache: Path | None = None,
    allow_bad: bool = False,
    hooks: Hooks | None = None,
    base: Base | None = None,
) -> TrainingResult:
    """Train a voice on a folder of recordings.

    Args:
        folder: the recordings, searched at any depth.
        run: the run directory, which is made; it must not hold a run.
        config: how to train.
        minutes: choose ``train.steps``, and where needed fewer ``conditioning.acoustic_steps``, so
            that all of it takes about this long.
        device: ``cpu``, ``cuda``, or ``auto`` for CUDA where there is a device.
        cache: folder of prepared audio (default: the user's cache folder).
        allow_bad: train even if over a tenth of the files are unusable.
        hooks: what to call on the way.
        base: the voice to start from, of whose network, or WaveNet, the configuration must be.

    Raises:
        TrainingError: the run directory holds a run or can't be written to, there is no such
            device, or training diverged.
        DataError: the folder can't be trained on.
    """
    args = device, cache, allow_bad, hooks
    with _writing(run):
        stopped = _train_coarser(folder, run, config, minutes, *args)
        if stopped is not None:
            return stopped
        return _complete(new_trainer(folder, run, config, minutes, *args, base))


def resume_run(
    folder: Path,
    run: Path,
    settings: Sequence[str] = (),
    device: str = "auto",
    cache: Path | None = None,
    allow_bad: bool = False,
    hooks: Hooks | None = None,
    recipe: Path | None = None,
    minutes: float | None = None,
) -> TrainingResult:
    """Resume training from the newest checkpoint of a run: the voice becomes the one that an
    uninterrupted run would have made.

    Args:
        folder: the recordings that the run began with.
        run: the run directory.
        settings: ``section.key=value``; those of ``train`` change the run's configuration, and
            others must be those of the run.
        device: as that of `start_run`.
        cache: likewise.
        allow_bad: likewise.
        hooks: likewise.
        recipe: the recipe that the run should be of.
        minutes: if the run was begun with them; its steps stay, and others are warned of.

    Raises:
        TrainingError: there is nothing to resume in the run directory, the settings or the
            recordings have changed, or as `start_run`.
        ConfigError: a setting is wrong.
        DataError: the folder can't be read.
    """
    with _writing(run):
        return _complete(
            saved_trainer(folder, run, settings, device, cache, allow_bad, hooks, recipe, minutes)
        )


def new_trainer(
    folder: Path,
    run: Path,
    config: Config,
    minutes: float | None = None,
    device: str = "auto",
    cache: Path | None = None,
    allow_bad: bool = False,
    hooks: Hooks | None = None,
    base: Base | None = None,
) -> Trainer:
    """`start_run` up to the first step: the trainer of a new voice whose aligner and acoustic model
    are fitted; arguments and errors as those of `start_run`."""
    _, own = share(minutes, config)
    deadline = math.inf if own is None else time.monotonic() + 60 * own
    if (run / "config.toml").exists():
        raise TrainingError(
            f"{run} already holds a run: --resume continues it, --out names another folder"
        )
    accelerator = _accelerator(device)
    first = accelerator.is_main_process
    hooks = _of_this_process(hooks, accelerator)
    dataset, config = _open(folder, config, cache, allow_bad, accelerator, hooks)
    started = None if base is None else origin(base, config, dataset)
    if config.model.scales and not held_out_alike(run, dataset):
        hooks.warn("the scales hold out other clips than each other: held-out bits may flatter")
    with accelerator.main_process_first():
        run.mkdir(parents=True, exist_ok=True)
        if first:
            clear(run)
    if base is None or started is None:
        voice = new_voice(config, dataset)
    else:
        config, dataset = started.config(config), started.dataset(dataset)
        if config.model.scales:
            raise TrainingError("a voice with model.scales can't be started from another one")
        voice = started.voice(config)
        transplant(base.voice, voice, base.wavenet_only)
        if first:
            started.save(run)
    if first:
        seconds = SPEECH_FRACTION * (deadline - time.monotonic())
        fitting = Fitting(run, config, dataset, minutes, base.voice.digest if base else "")
        misfits = fit_speech(
            voice,
            dataset,
            hooks.progress,
            accelerator.device,
            seconds,
            fitting.state,
            fitting.save,
            None if base is None else base.speech_speakers,
        )
        for path, why in misfits:
            hooks.warn(f"left out {path}: {why}")
        dataset = dataset.leaving_out([path for path, _ in misfits])
        if base is not None:
            told = partial(hooks.progress, "fitting the WaveNet's embedding")
            fit_new_speakers(voice, dataset, base.voice.speakers, told)
    [split] = broadcast_object_list([dataset.split])
    dataset = dataclasses.replace(dataset, split=split)
    trainer = Trainer(with_coarser(voice, run), dataset, run, accelerator, hooks)
    trainer.minutes = minutes
    trainer.save()
    if not first:
        trainer.restore()  # takes what the first process has fitted
    if minutes is not None:
        trainer.calibrate(deadline - time.monotonic())
    if first:
        write_run(run, trainer.config, dataset)
        fitting.done()
    return trainer


def saved_trainer(
    folder: Path,
    run: Path,
    settings: Sequence[str] = (),
    device: str = "auto",
    cache: Path | None = None,
    allow_bad: bool = False,
    hooks: Hooks | None = None,
    recipe: Path | None = None,
    minutes: float | None = None,
) -> Trainer:
    """`resume_run` up to the next step: a trainer in the state of the newest checkpoint; arguments
    and errors as those of `resume_run`."""
    if not (run / "config.toml").is_file():
        raise TrainingError(f"nothing to resume in {run}: there is no config.toml")
    accelerator = _accelerator(device)
    hooks = _of_this_process(hooks, accelerator)
    config = continued(run, recipe, settings, minutes, hooks.warn)
    dataset, config = _open(folder, config, cache, allow_bad, accelerator, hooks, run)
    if accelerator.is_main_process:
        clear(run)
    started = read_origin(run)
    if started is None:
        voice = new_voice(config, dataset)
    else:
        voice, dataset = started.voice(config), started.dataset(dataset)
    trainer = Trainer(with_coarser(voice, run), dataset, run, accelerator, hooks)
    trainer.restore()
    if minutes is not None:
        _tell_minutes(trainer, minutes)
    if trainer.step >= config.train.steps:
        hooks.warn(f"the run is already at step {trainer.step:,} of {config.train.steps:,}")
    if accelerator.is_main_process:
        write_run(run, config, dataset)
    return trainer


def _train_coarser(
    folder: Path,
    run: Path,
    config: Config,
    minutes: float | None,
    device: str,
    cache: Path | None,
    allow_bad: bool,
    hooks: Hooks | None,
) -> TrainingResult | None:
    """Train the coarser scales of a run that is about to begin, or go on with them.

    Returns:
        What it came to, if the stop hook ended it; None once they are trained, or without scales.
    """
    part, coarser = run / COARSER, config.coarser
    if coarser is None or (run / "config.toml").exists():
        return None
    if _accelerator(device).num_processes > 1:
        raise TrainingError("model.scales are trained by one process")
    theirs, _ = share(minutes, config)
    args = device, cache, allow_bad, hooks
    if not begun(part, coarser, theirs):
        result = start_run(folder, part, coarser, theirs, *args)
    elif finished(part):
        return None
    else:
        result = resume_run(folder, part, (), *args, minutes=theirs)
    return None if result.finished else result


def _tell_minutes(trainer: Trainer, asked: float) -> None:
    """Say that ``--minutes`` changes no steps, and warn if the run began with others."""
    begun = trainer.minutes
    if begun == asked:
        log.info("the steps are those that --minutes chose when the run began; --steps changes it")
        return
    how = "without --minutes" if begun is None else f"with --minutes {begun:g}"
    trainer.hooks.warn(
        f"train.steps stays {trainer.config.train.steps}, though --minutes says {asked:g}: the run "
        f"began {how} (--steps changes it)"
    )


def _accelerator(device: str) -> Accelerator:
    """The device, and the other processes if this is one of several."""
    if device not in ("auto", "cpu", "cuda"):
        raise TrainingError(f"--device {device}: choose auto, cpu or cuda")
    cuda = torch.cuda.is_available()
    if device == "cuda" and not cuda:
        raise TrainingError("--device cuda: no CUDA device is available")
    wanted = "cuda" if cuda and device != "cpu" else "cpu"
    # Accelerate would train on the device that the process began with.
    if is_initialized() and (used := PartialState().device.type) != wanted:
        raise TrainingError(
            f"this process has trained on {used}; train on {wanted} in another process"
        )
    return Accelerator(cpu=wanted == "cpu")


def _of_this_process(hooks: Hooks | None, accelerator: Accelerator) -> Hooks:
    """The hooks that this process calls."""
    hooks = hooks or Hooks()
    if accelerator.is_main_process:
        return hooks
    return Hooks(warn=lambda message: None, ready=hooks.ready, stop=hooks.stop)


def _open(
    folder: Path,
    config: Config,
    cache: Path | None,
    allow_bad: bool,
    accelerator: Accelerator,
    hooks: Hooks,
    run: Path | None = None,
) -> tuple[Dataset, Config]:
    """The data set, with the split of ``run`` if it is resumed, and the configuration without
    ``auto``."""
    with accelerator.main_process_first():  # the others find its cache
        dataset = open_dataset(folder, config, cache, allow_bad, progress=hooks.progress)
    if run is not None:
        dataset = recorded_split(run, dataset)
    hooks.opened(dataset, config)
    set_arithmetic(config.train)
    [config] = broadcast_object_list([resolve(config, dataset, accelerator.device)])
    return dataset, config


def _complete(trainer: Trainer) -> TrainingResult:
    """Train to the end, and measure the voice on the test clips."""
    trainer.hooks.ready(trainer, trainer.speed())
    finished, test = True, None
    try:
        trainer.train()
        test = trainer.finish()
    except Stopped:
        finished = False
    trainer.close()
    return TrainingResult(
        run=trainer.run,
        voice=trainer.run / "voice.safetensors",
        step=trainer.step,
        finished=finished,
        validation_bits=trainer.best if math.isfinite(trainer.best) else None,
        test_bits=test,
        unit=trainer.voice.unit,
        fold_bits=_fold_bits(trainer.run) if trainer.config.data.fold else {},
    )


def _fold_bits(run: Path) -> dict[int, float]:
    """Test bits of all finished folds, from the run directory of one (``fold-K-of-N``)."""
    pattern = re.sub(r"\d+", "*", run.name, count=1)
    out = {}
    for voice in run.parent.glob(f"{pattern}/voice.safetensors"):
        bits = read_about(voice)["training"].get("test_bits")
        if bits is not None:
            out[int(voice.parent.name.split("-")[1])] = bits
    return dict(sorted(out.items()))


@contextmanager
def _writing(run: Path) -> Iterator[None]:
    """Hold the run directory; a file that can't be written is an error that says what is kept."""
    try:
        with locked(run):
            yield
    except OSError as e:
        kept = "nothing has been saved yet"
        if (run / FITTING).exists():
            kept = "what is fitted so far is saved, and --resume goes on"
        elif saved := states(run):
            kept = f"step {int(saved[0].stem.partition('-')[0]):,} is saved, and --resume goes on"
        raise TrainingError(f"can't write {e.filename or run}: {e.strerror or e}; {kept}") from e
