"""Training with everything that the report needs: what `wavegen.train` and the command do."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from wavegen.config import SIZES, Size
from wavegen.data.pieces import source
from wavegen.errors import TrainingError, WavegenError
from wavegen.library import load_voice
from wavegen.recipe import find_recipe, load_config, read_config
from wavegen.report.background import Background
from wavegen.report.provenance import describe, read_rows, write_record
from wavegen.report.recorder import Recorder
from wavegen.report.watch import Watch
from wavegen.training.adapting import Base, check_origin, fine_tuning
from wavegen.training.hooks import Hooks, Speed
from wavegen.training.run import TrainingResult, resume_run, start_run
from wavegen.training.trainer import Trainer
from wavegen.voice import Voice


def train(
    folder: str | Path,
    recipe: str | Path | None = None,
    out: str | Path | None = None,
    *,
    start_from: str | Path | None = None,
    keep_speakers: bool = False,
    resume: bool = False,
    steps: int | None = None,
    minutes: float | None = None,
    size: Size | None = None,
    layout: str | None = None,
    fold: str | None = None,
    settings: Sequence[str] = (),
    device: str = "auto",
    allow_bad: bool = False,
    cache_dir: str | Path | None = None,
    hooks: Hooks | None = None,
) -> TrainingResult:
    """Train a voice on a folder of recordings, or resume its training.

    The run directory also gets TensorBoard events, audio samples and what `wavegen report` makes
    its page of; what looks wrong on the way is warned of.

        import wavegen

        result = wavegen.train("recordings", "digits", "runs/mine", minutes=20)
        print(result.test_bits, "bits per sample of the test clips")
        voice = wavegen.load_voice(result.voice)

    Args:
        folder: the recordings, searched at any depth.
        recipe: the name of a bundled recipe, or a TOML file (default: the defaults of `Config`).
        out: the run directory (default: ``runs/`` and the recipe's or the folder's name).
        start_from: a voice to fine-tune, a bundled one's name or a file: its weights are the first,
            and its recipe is followed, with steps and a learning rate for small data. With a
            recipe, that is followed, and only the WaveNet, of the same sizes, starts from it.
        keep_speakers: keep the voice's speakers besides those of the folder.
        resume: resume the run in ``out``; one that has saved nothing yet is started. Other
            arguments may be left out; steps and ``train.…`` among the settings change the run, and
            what else differs from it is an error that names it.
        steps: optimiser steps.
        minutes: choose the steps so that training takes about this long.
        size: replaces the recipe's size of the network.
        layout: how files name speakers and texts, in place of the recipe's.
        fold: ``K/N``: hold out the K-th of N parts for testing, in a run directory of its own below
            ``out``.
        settings: fields of the configuration, ``section.key=value`` with a TOML value.
        device: ``cpu``, ``cuda``, or ``auto`` for CUDA where there is a device.
        allow_bad: train even if over a tenth of the files are unusable.
        cache_dir: where prepared audio is kept (default: the user's cache folder).
        hooks: what to call on the way.

    Raises:
        TrainingError: training can't start, can't be resumed, or diverged.
        ConfigError: the recipe or a setting is wrong.
        DataError: the folder can't be trained on.
    """
    if steps is not None and minutes is not None:
        raise TrainingError("give --steps or --minutes, not both")
    if keep_speakers and (start_from is None or recipe is not None):
        raise TrainingError("--keep-speakers keeps those of a voice: give --from, and no --recipe")
    preset = SIZES[size] if size is not None else {}
    given = [*(f"model.{k}={v}" for k, v in preset.items()), *settings]
    given += [f"data.layout={layout}"] if layout is not None else []
    given += [f"train.steps={steps}"] if steps is not None else []
    folder = Path(folder)
    run = (
        Path(out)
        if out
        else Path("runs") / (Path(recipe).stem if recipe else folder.resolve().name)
    )
    if run.exists() and not run.is_dir():
        raise TrainingError(f"--out {run} is a file; it must name a folder")
    if fold is not None:
        load_config({}, "settings", [f"data.fold={fold}"])  # raises what is wrong with it
        run /= f"fold-{fold.replace('/', '-of-')}"
    resume = resume and (run / "config.toml").exists()
    given += [f"data.fold={fold}"] if fold is not None else []
    file = None if recipe is None else find_recipe(str(recipe))
    cache = Path(cache_dir) if cache_dir is not None else None
    base = None
    if start_from is not None:
        base = Base(load_voice(start_from), keep_speakers, wavenet_only=file is not None)
    with ExitStack() as stack:
        recording = _recording(hooks or Hooks(), stack)
        if resume:
            if base is not None:
                check_origin(run, base)
            return resume_run(
                folder, run, given, device, cache, allow_bad, recording, file, minutes
            )
        if base is not None and file is None:
            config = fine_tuning(base.voice, given)
        else:
            config = read_config(file, given) if file else load_config({}, "settings", given)
        return start_run(folder, run, config, minutes, device, cache, allow_bad, recording, base)


def _recording(hooks: Hooks, stack: ExitStack) -> Hooks:
    """The hooks, with a `Watch` and a `Recorder`, which ``stack`` closes, in the first process."""

    def ready(trainer: Trainer, speed: Speed) -> None:
        if trainer.accelerator.is_main_process:
            _record(trainer, stack)
        hooks.ready(trainer, speed)

    return replace(hooks, ready=ready)


def _record(trainer: Trainer, stack: ExitStack) -> None:
    """Write down what a run begins with, and have its hooks watch and record the rest."""
    run, dataset, config, hooks = trainer.run, trainer.dataset, trainer.config, trainer.hooks
    watch = Watch(hooks.warn, config.train.clip_norm)
    watch.network(config.model)
    data = describe(dataset, config.audio.sample_rate)
    write_record(run, data, trainer.device, trainer.step)
    data.warn(watch)
    for row in read_rows(run / "metrics.jsonl"):
        watch.row(row)  # what a resumed run has been through
    held_out = [dataset.root / source(p) for p in dataset.split["validation"]]
    recorder = stack.enter_context(Recorder(run, hooks.warn, held_out))

    def log(row: dict[str, float]) -> None:
        recorder.log(row)
        watch.row(row)
        hooks.log(row)

    # A GPU goes on training, and a CPU draws a few clips faster than a GPU does.
    beside = stack.enter_context(Background()) if trainer.device.type != "cpu" else None

    def draw(voice: Voice, step: int) -> None:
        try:
            watch.samples(step, recorder.sample(voice, step))
        except (OSError, WavegenError) as e:  # such as a full disk
            hooks.warn(f"no samples of step {step:,}: {e}")

    def sample(voice: Voice, step: int) -> None:
        if beside is None:
            draw(voice, step)
        else:
            copied = on_cpu(voice)
            beside.do(lambda: draw(copied, step))
        hooks.sample(voice, step)

    trainer.hooks = replace(hooks, log=log, sample=sample)


def on_cpu(voice: Voice) -> Voice:
    """A copy of a voice, on the CPU, which further training does not change."""
    return voice.with_model(copy.deepcopy(voice.model).to("cpu").eval())
