"""What resuming a run needs from its directory: the configuration, the split and checkpoints.

A checkpoint is a file ``states/STEP-CRC.pt``, named for its step and the CRC-32 of its bytes: one
that a power cut or a failing disk has damaged is recognised, and the one before it is used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from wavegen.config import Config
from wavegen.data.dataset import Dataset
from wavegen.errors import TrainingError
from wavegen.files import atomic_write
from wavegen.recipe import to_toml
from wavegen.voice import FORMAT

FITTING = "fitting.pt"
ORIGIN = "origin.json"


def states(run: Path) -> list[Path]:
    """The checkpoints in a run directory, the newest first."""
    return sorted((run / "states").glob("[0-9]*.pt"), reverse=True)


def save_state(run: Path, step: int, state: dict[str, Any], keep: int) -> None:
    """Write a checkpoint and remove all but the newest ``keep``; raises OSError when it can't."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getvalue()
    folder = run / "states"
    folder.mkdir(exist_ok=True)
    with atomic_write(folder / f"{step:09d}-{zlib.crc32(data):08x}.pt") as beside:
        beside.write_bytes(data)
    for old in states(run)[keep:]:
        old.unlink(missing_ok=True)


def load_state(run: Path, warn: Callable[[str], None]) -> dict[str, Any]:
    """The newest good checkpoint; damaged ones are skipped with a warning.

    Raises:
        TrainingError: there is none.
    """
    for path in states(run):
        try:
            data = path.read_bytes()
            if zlib.crc32(data) != int(path.stem.partition("-")[2], 16):
                raise ValueError("its bytes have changed, or some are missing")
            state: dict[str, Any] = torch.load(io.BytesIO(data), "cpu", weights_only=True)
            return state
        except (OSError, ValueError) as e:
            warn(f"{path} is broken ({e}); trying the one before it")
    raise TrainingError(
        f"nothing to resume in {run}: there is no good checkpoint in {run / 'states'}"
    )


class Fitting:
    """How far the aligner and the acoustic model of a run are fitted, in ``fitting.pt``, until the
    first checkpoint. What was fitted to other data or with other settings is not used.

    Args:
        run: the run directory.
        config: its configuration.
        dataset: its data.
        minutes: that the run may take.
        base: digest of the voice that it starts from.
    """

    def __init__(
        self, run: Path, config: Config, dataset: Dataset, minutes: float | None, base: str = ""
    ) -> None:
        self.file = run / FITTING
        clips = [(p, dataset.clips[p], dataset.units.get(p)) for p in dataset.split["train"]]
        what = repr((FORMAT, config, minutes, dataset.content_hash(), clips, base))
        self.key = hashlib.sha256(what.encode()).hexdigest()
        self.state: dict[str, Any] = {}
        try:
            saved = torch.load(self.file, "cpu", weights_only=True)
            if saved["key"] == self.key:
                self.state = saved["state"]
        except (OSError, EOFError, KeyError, RuntimeError, ValueError, pickle.UnpicklingError):
            pass  # there is none, or a broken one

    def save(self) -> None:
        """Write ``state``; raises OSError when it can't."""
        buffer = io.BytesIO()  # on a full disk torch would raise no OSError
        torch.save({"key": self.key, "state": self.state}, buffer)
        with atomic_write(self.file) as beside:
            beside.write_bytes(buffer.getvalue())

    def done(self) -> None:
        """A checkpoint has it all."""
        self.file.unlink(missing_ok=True)


def forget_later_rows(run: Path, step: int) -> None:
    """Drop the metrics of steps after the checkpoint's, which will be taken again."""
    path = run / "metrics.jsonl"
    rows = path.read_text().splitlines(keepends=True) if path.exists() else []
    kept = [r for r in rows if r.endswith("\n") and json.loads(r)["step"] <= step]
    if len(kept) < len(rows):
        with atomic_write(path) as beside:
            beside.write_text("".join(kept))


def clear(run: Path) -> None:
    """Remove what a run left behind that was killed before its first step or while writing."""
    for left in [*run.glob(".wavegen-*"), *(run / "states").glob(".wavegen-*")]:
        left.unlink(missing_ok=True)
    if not (run / "config.toml").exists():
        for path in [*states(run), run / ORIGIN]:
            path.unlink(missing_ok=True)


def write_run(run: Path, config: Config, dataset: Dataset) -> None:
    """Write split.json and then config.toml, which marks the directory as that of a run."""
    with atomic_write(run / "split.json") as beside:
        beside.write_text(json.dumps(dataset.split, indent=1, ensure_ascii=False), "utf-8")
    with atomic_write(run / "config.toml") as beside:
        beside.write_text(to_toml(config), encoding="utf-8")


def recorded_split(run: Path, dataset: Dataset) -> Dataset:
    """The data set, split as it was when the run began.

    Raises:
        TrainingError: the record of the split is missing, or the clips have changed.
    """
    try:
        split = json.loads((run / "split.json").read_text("utf-8"))
        same = {p for part in split.values() for p in part} == dataset.clips.keys()
    except (OSError, ValueError, AttributeError, TypeError) as e:
        raise TrainingError(f"can't resume: {run / 'split.json'} is missing or broken") from e
    if not same:
        raise TrainingError(
            f"can't resume: {dataset.root} holds other clips than the run began with"
        )
    return dataclasses.replace(dataset, split=split)
