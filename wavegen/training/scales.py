"""The coarser scales of a run: voices that are trained before its own, in a directory inside it.

``RUN/coarser`` is an ordinary run, whose voice can be heard by itself.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from wavegen.config import Config
from wavegen.data.dataset import Dataset
from wavegen.errors import TrainingError
from wavegen.library import load_voice, read_about
from wavegen.recipe import read_config
from wavegen.scales import ScaledVoice
from wavegen.voice import Voice

COARSER = "coarser"
"""Name of the run directory of the next coarser scale."""


def with_coarser(voice: Voice, run: Path, name: str = "voice.safetensors") -> Voice:
    """A voice with the coarser one that its run has trained; one without scales as it is.

    Args:
        voice: the voice.
        run: its run directory.
        name: of the coarser run's voice file: the best one, or the last.
    """
    if not isinstance(voice, ScaledVoice):
        return voice
    coarser = load_voice(run / COARSER / name)
    return replace(voice, coarser=coarser, training=voice.training | {COARSER: coarser.training})


def share(minutes: float | None, config: Config) -> tuple[float | None, float | None]:
    """Of the minutes of a run those for its coarser scales, and those for its own network: each
    network gets as many."""
    if minutes is None:
        return None, None
    own = minutes / (1 + len(config.model.scales))
    return minutes - own, own


def begun(run: Path, wanted: Config, minutes: float | None) -> bool:
    """Whether a run of a coarser scale has begun, so that it can be resumed.

    Raises:
        TrainingError: it has, with other settings.
    """
    if not (run / "config.toml").exists():
        return False
    kept = read_config(run / "config.toml")
    chosen: dict[str, Any] = {"precision": kept.train.precision}  # by the run, in place of auto
    if minutes is not None:
        chosen["steps"] = kept.train.steps
    if wanted.replace("train", **chosen) != kept:
        raise TrainingError(f"{run} holds a run with other settings: --out names another folder")
    return True


def held_out_alike(run: Path, dataset: Dataset) -> bool:
    """Whether the coarser scales of a run, if it has any, hold out the clips that it does. Where a
    file is cut, the number of pieces may depend on the rate, and with it the whole split."""
    file = run / COARSER / "split.json"
    if not file.exists():
        return True
    theirs = json.loads(file.read_text("utf-8"))
    return all(theirs[part] == dataset.split[part] for part in ("validation", "test"))


def finished(run: Path) -> bool:
    """Whether a run of a coarser scale has taken all of its steps."""
    file = run / "last.safetensors"
    if not (run / "config.toml").exists() or not file.exists():
        return False
    taken: int = read_about(file)["training"].get("steps", 0)
    return taken >= read_config(run / "config.toml").train.steps
