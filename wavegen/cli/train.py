"""`wavegen train`."""

from __future__ import annotations

import os
import shlex
import signal
import statistics
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavegen.cli import folder, show
from wavegen.config import Size

if TYPE_CHECKING:
    from wavegen.training.hooks import Hooks, Speed
    from wavegen.training.run import TrainingResult
    from wavegen.training.trainer import Trainer


Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Run directory (default: runs/ and the recipe's or the folder's name)."
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Resume the run, or start it if it has saved nothing yet.")
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="Optimiser steps.")]
Minutes = Annotated[
    float | None,
    typer.Option(
        "--minutes",
        min=0.01,
        max=1e6,
        help="Choose the steps so that all of it takes about this long.",
    ),
]
Fold = Annotated[
    str | None,
    typer.Option(
        "--fold",
        metavar="K/N",
        help="Cross-validation: hold out the K-th of N parts, in a run directory below --out.",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="VOICE",
        help="Fine-tune a voice, a bundled one's name or a file: start from its weights and follow "
        "its recipe, with steps and a learning rate for minutes of recordings. The new voice has "
        "the folder's speakers; those that the voice knows go on from where they are. With "
        "--recipe, follow that, and start only the WaveNet from the voice's.",
    ),
]
Keep = Annotated[
    bool,
    typer.Option(
        "--keep-speakers",
        help="With --from, keep the voice's speakers too. They are not heard again, and may sound "
        "a little different afterwards.",
    ),
]
NetworkSize = Annotated[
    Size | None, typer.Option("--size", help="Size of the network, in place of the recipe's.")
]


def train(
    audio_dir: folder.AudioDir,
    recipe: folder.Recipe = None,
    start_from: From = None,
    keep_speakers: Keep = False,
    out: Out = None,
    resume: Resume = False,
    device: Device = "auto",
    steps: Steps = None,
    minutes: Minutes = None,
    layout: folder.Layout = None,
    fold: Fold = None,
    size: NetworkSize = None,
    settings: folder.Settings = None,
    allow_bad: folder.AllowBad = False,
    cache_dir: folder.CacheDir = None,
) -> None:
    """Train a voice on a folder of audio, from nothing or from another voice."""
    import wavegen

    if os.environ.get("RANK", "0") != "0":  # of several processes the first one speaks
        show.set_quiet(True, problems=True)
    result: TrainingResult | None = None
    with View() as view, suppress(KeyboardInterrupt):
        result = wavegen.train(
            audio_dir,
            recipe,
            out,
            start_from=start_from,
            keep_speakers=keep_speakers,
            resume=resume,
            steps=steps,
            minutes=minutes,
            size=size,
            layout=layout,
            fold=fold,
            settings=settings or (),
            device=device,
            allow_bad=allow_bad,
            cache_dir=cache_dir,
            hooks=view.hooks(),
        )
    if result is not None and result.finished:
        view.show(result)
        return
    again = [*_launcher(), "wavegen", *sys.argv[1:], *["--resume"] * (not resume)]
    at = f" at step {result.step:,}" if result is not None else ""
    _say(f"stopped{at}; resume with: {shlex.join(again)}")
    raise typer.Exit(128 + (view.received or [signal.SIGTERM])[0])


def _say(message: str) -> None:
    show.err.print(message, soft_wrap=True)


def _launcher() -> list[str]:
    """How torchrun was called, if it was."""
    processes, nodes = (os.environ.get(k, "1") for k in ("LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE"))
    if (processes, nodes) == ("1", "1"):
        return []
    many = [] if nodes == "1" else [f"--nnodes={nodes}"]
    return ["torchrun", *many, f"--nproc-per-node={processes}", "-m"]


class View:
    """Shows a run, and notes the signals that ask it to stop."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.received: list[int] = []
        """Signals."""
        self.row: dict[str, float] = {}
        """The latest figures."""
        self.trainer: Trainer | None = None

    def __enter__(self) -> View:
        self.bars = self.stack.enter_context(show.phases())
        for number in (signal.SIGINT, signal.SIGTERM):
            self.stack.callback(signal.signal, number, signal.signal(number, self.stop))
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def stop(self, number: int, frame: object) -> None:
        """Stop after this step; at once if training hasn't begun, or when asked again."""
        self.received.append(number)
        if self.trainer is None or len(self.received) > 1:
            raise KeyboardInterrupt
        show.err.print("stopping after this step …")

    def hooks(self) -> Hooks:
        """Hooks that show the training."""
        from wavegen.training.hooks import Hooks

        return Hooks(
            warn=show.warn,
            progress=self.progress,
            opened=folder.show_dataset,
            ready=self.ready,
            log=self.row.update,
            stop=lambda: bool(self.received),
        )

    def progress(self, phase: str, done: int, total: int) -> None:
        """Move the bar of a phase; that of the training has its figures beside it."""
        if self.received and self.trainer is None:
            # What `stop` raises is lost where a library's callback can't pass an exception on, as
            # numba's while it compiles.
            raise KeyboardInterrupt
        note = ""
        if phase == "training" and "loss_bits" in self.row and self.trainer is not None:
            note = figures(self.row)
        self.bars(phase, done, total, note)

    def ready(self, trainer: Trainer, speed: Speed) -> None:
        """Say what is going to be trained."""
        self.trainer, config, a = trainer, trainer.config, trainer.accelerator
        self.row.clear()  # of a coarser scale
        place = a.device.type
        if a.num_processes > 1:
            place = f"{a.num_processes} processes on {place}"
        _say(
            f"training {trainer.voice.model.parameter_count:,} parameters (receptive field "
            f"{show.timescales(config)}) on {place} in {config.train.precision}, steps "
            f"{trainer.step:,} to {config.train.steps:,}, into {trainer.run}"
        )
        left = show.duration((config.train.steps - trainer.step) * speed.seconds)
        _say(
            f"expecting {speed.samples / speed.seconds:,.0f} samples/s: {left} in all; losses are "
            f"in bits per {trainer.voice.unit} sample"
        )

    def show(self, result: TrainingResult) -> None:
        """Say how good the voice is and how to hear it."""
        from wavegen.report.watch import LISTEN_FROM

        assert self.trainer is not None
        if result.fold_bits:
            folds = self.trainer.config.data.fold.partition("/")[2]
            _say(_summary(result.fold_bits, folds, f"bits per {result.unit} sample"))
        bits, part = result.test_bits, "test"
        if bits is None:
            bits, part = result.validation_bits, "validation"
        held_out = "no clip was held out to measure it on"
        if bits is not None:
            held_out = f"{bits:.4f} bits per {result.unit} sample on the {part} clips"
        hear = "hear it with"
        if self.trainer.config.audio.adaptive:
            hear = "use it with"
        elif result.step < LISTEN_FROM and "from" not in self.trainer.voice.training:
            hear = f"after only {result.step:,} steps it makes noise, to be heard with"
        _say(f"trained {result.voice}: {held_out}; {hear}: {_example(self.trainer, result.voice)}")


def _example(trainer: Trainer, file: Path) -> str:
    """A command that makes sound with the voice in a file, or compresses with it."""
    from wavegen.data.pieces import source
    from wavegen.voice import ConditionedVoice, SpeakingVoice

    voice, dataset = trainer.voice, trainer.dataset
    clips = [p for part in ("test", "validation", "train") for p in dataset.split[part]]
    if trainer.config.audio.adaptive:
        compress = ["wavegen", "compress", str(dataset.root / source(clips[0]))]
        return shlex.join([*compress, "--voice", str(file), "-o", "out.wvg"])
    how = ["synth"] if voice.model.output.end is not None else ["synth", "--seconds", "3"]
    if isinstance(voice, SpeakingVoice):
        how = ["synth", "--text", min((dataset.clips[p].text for p in clips), key=len)]
    elif isinstance(voice, ConditionedVoice):
        how = ["vocode", str(dataset.root / source(clips[0]))]
    speaker = dataset.clips[clips[0]].speaker
    if speaker and dataset.speakers[0] not in dataset.seconds(voice.sample_rate):  # a kept one
        how += ["--speaker", speaker]
    return shlex.join(["wavegen", *how, "--voice", str(file), "-o", "out.wav"])


def _summary(bits: dict[int, float], folds: str, unit: str) -> str:
    """One line on the finished folds of a cross-validation."""
    values = list(bits.values())
    parts = ", ".join(f"fold {k} {b:.4f}" for k, b in bits.items())
    spread = f" ± {statistics.stdev(values):.4f} (standard deviation)" if len(values) > 1 else ""
    return (
        f"{len(bits)} of {folds} folds done, {unit} on their test clips: {parts}; "
        f"mean {statistics.mean(values):.4f}{spread}"
    )


def figures(row: dict[str, float]) -> str:
    """What stands beside the bar; on 80 columns there is room for no more."""
    from tqdm import tqdm

    held_out = f", held-out {row['val_bits']:.3f}" if "val_bits" in row else ""
    speed = tqdm.format_sizeof(row["samples_per_second"])
    return f"loss {row['loss_bits']:.3f}{held_out} bits, {speed} samples/s"
