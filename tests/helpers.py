"""What tests of several modules use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator

from wavegen.config import Config
from wavegen.data.dataset import open_dataset
from wavegen.recipe import load_config, to_toml
from wavegen.training.corpus import fit_speech, new_voice, resolve
from wavegen.training.trainer import Hooks, Trainer

CPU = Accelerator(cpu=True)
DIGITS = Path(__file__).parent.parent / "samples" / "digits"
TINY = {
    "data": {"join": 2},
    "audio": {"sample_rate": 8000},
    "model": {
        "layers": 4,
        "dilation_cycle": 2,
        "residual_channels": 8,
        "skip_channels": 8,
    },
    "conditioning": {
        "encoder_channels": 8,
        "speaker_channels": 4,
        "mel_channels": 20,
        "acoustic_channels": 16,
        "acoustic_steps": 5,
    },
    "train": {
        "steps": 8,
        "batch_size": 2,
        "window_seconds": 0.5,
        "log_every": 2,
        "checkpoint_every": 4,
        "validate_every": 4,
        "sample_every": 0,
        "precision": "f32",
    },
}


@dataclass
class Result:
    code: int
    out: str
    err: str


def one_clear_line(result: Result, *parts: str) -> None:
    assert result.code == 2, result
    lines = [x for x in result.err.splitlines() if x.startswith("error: ")]
    assert len(lines) == 1, result.err
    assert "Traceback" not in result.err
    for part in parts:
        assert part in lines[0]


def trainer(run: Path, config: Config, root: Path = DIGITS, **hooks: object) -> Trainer:
    run.mkdir(exist_ok=True)
    dataset = open_dataset(root, config)
    config = resolve(config, dataset, CPU.device)
    voice = new_voice(config, dataset)
    fit_speech(voice, dataset)
    return Trainer(voice, dataset, run, CPU, Hooks(**hooks))  # type: ignore[arg-type]


def rows(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def write_recipe(path: Path, **train: object) -> Path:
    path.write_text(to_toml(load_config({**TINY, "train": {**TINY["train"], **train}}, "tiny")))
    return path
