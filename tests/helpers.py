"""What tests of several modules use."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import resource
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from wavegen.assembly import untrained
from wavegen.audio.reading import read_audio
from wavegen.config import Config
from wavegen.recipe import load_config, to_toml
from wavegen.scales import ScaledVoice
from wavegen.training.hooks import Hooks
from wavegen.training.run import new_trainer, saved_trainer
from wavegen.training.trainer import Trainer

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
        "flow_channels": 16,
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


def terminal(command: Sequence[object], columns: int, rows: int = 24) -> str:
    """What a command shows on a terminal of this width; 0 by 0 is one without a size."""
    ours, its = pty.openpty()
    size = struct.pack("HHHH", rows if columns else 0, columns, 0, 0)
    fcntl.ioctl(its, termios.TIOCSWINSZ, size)
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [*map(str, command)], stdin=its, stdout=its, stderr=its, env=environment
    )
    os.close(its)
    shown = b""
    with suppress(OSError):  # raised once the other end is closed
        while more := os.read(ours, 65536):
            shown += more
    os.close(ours)
    process.wait()
    return shown.decode()


def trainer(run: Path, config: Config, root: Path = DIGITS) -> Trainer:
    """A new run, before its first step."""
    return new_trainer(root, run, config, device="cpu")


def resumed(run: Path, *settings: str, **hooks: Any) -> Trainer:
    """A run as its newest checkpoint has it."""
    return saved_trainer(DIGITS, run, settings, device="cpu", hooks=Hooks(**hooks))


def rows(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def write_recipe(path: Path, **train: object) -> Path:
    path.write_text(to_toml(load_config({**TINY, "train": {**TINY["train"], **train}}, "tiny")))
    return path


def make_files(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files and the folders that they lie in."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


@contextmanager
def full_disk(most: int = 0) -> Iterator[None]:
    """No file of this process can grow beyond so many bytes: writing fails as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def free_voice(path: Path, **model: Any) -> Path:
    """Write the file of an untrained voice without texts."""
    table: dict[str, Any] = TINY | {"conditioning": {"features": "none"}}
    config = load_config(table | {"model": TINY["model"] | model}, "free")
    voice = untrained(config, (), ())
    voice.save(path)
    return path


def scaled_config(*divisors: int, **model: Any) -> Config:
    """The configuration of tiny networks at 8 kHz and, from coarse to fine, at divided rates."""
    sizes = {"layers": 2, "dilation_cycle": 2, "residual_channels": 8, "skip_channels": 8}
    scales = [sizes | {"divide": n, "noise": 0.2} for n in divisors]
    table: dict[str, Any] = TINY | {
        "data": {"layout": "flat"},
        "model": TINY["model"] | model | {"scales": scales},
        "conditioning": {"encoder_channels": 8},
    }
    return load_config(table, "scaled")


def scaled_voice(path: Path, *divisors: int, **model: Any) -> Path:
    """Write the file of an untrained voice of several scales, which hear each other."""
    voice = untrained(scaled_config(*divisors, **model), (), ())
    assert isinstance(voice, ScaledVoice)
    for part in voice.chain:
        torch.nn.init.normal_(part.model.head.weight, std=0.3)
        if part.model.conditioning.phase is not None:
            torch.nn.init.normal_(part.model.conditioning.phase.weight)
    voice.save(path)
    return path


READABLE = ["truncated", "PCM_24", "FLOAT", "DOUBLE", "PCM_U8", "6 channels", "192 kHz", "10 ms"]
UNREADABLE = ["empty", "header only", "text", "nan"]


def spoil(path: Path, how: str) -> None:
    """Write a recording with something wrong or odd about it: one of those names."""
    audio = read_audio(DIGITS / "7_jackson_12.wav", 8000).audio
    if how == "empty":
        path.touch()
    elif how == "truncated":
        whole = (DIGITS / "7_jackson_12.wav").read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "header only":
        path.write_bytes((DIGITS / "7_jackson_12.wav").read_bytes()[:20])
    elif how == "text":
        path.write_text("Dear diary, today I was renamed.")
    elif how == "nan":
        soundfile.write(path, np.append(audio, np.nan), 8000, subtype="FLOAT")
    elif how == "6 channels":
        soundfile.write(path, np.repeat(audio[:, None], 6, 1), 8000)
    elif how == "192 kHz":
        soundfile.write(path, np.repeat(audio, 24), 192000)
    elif how == "10 ms":
        soundfile.write(path, audio[:80], 8000)
    else:
        soundfile.write(path, audio, 8000, subtype=how)


COMMA, STOP = 1, 2
"""Marks of the made-up speech; its phonemes are 3 to 6."""


def made_up(ids: list[int], lengths: list[int], random: torch.Generator) -> torch.Tensor:
    """(F, 39) features: every symbol has its own mean, all silence a low first coefficient."""
    means = torch.randn(7, 39, generator=torch.Generator().manual_seed(1)) * 2
    means[:, 0] = 4
    means[: STOP + 1] = 0
    means[: STOP + 1, 0] = -8
    at = torch.repeat_interleave(torch.tensor(ids), torch.tensor(lengths))
    return means[at] + 0.3 * torch.randn(len(at), 39, generator=random)
