"""The resumable states of a run: there whole or not at all, and the newest good one is found again.

A state is ``states/STEP-CRC.pt``: the step it holds and the CRC-32 of its bytes, so that a file
that a power cut or a failing disk left behind is known for what it is.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from wavegen.audio import whole_file
from wavegen.errors import TrainingError


def states(run: Path) -> list[Path]:
    """Files of the states in a run directory, the newest first."""
    return sorted((run / "states").glob("[0-9]*.pt"), reverse=True)


def save_state(run: Path, step: int, state: dict[str, Any], keep: int) -> None:
    """Write a state, and remove all but the newest ``keep``; raises OSError when it can't."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getvalue()
    folder = run / "states"
    folder.mkdir(exist_ok=True)
    with whole_file(folder / f"{step:09d}-{zlib.crc32(data):08x}.pt") as beside:
        beside.write_bytes(data)
    for old in states(run)[keep:]:
        old.unlink(missing_ok=True)


def load_state(run: Path, device: torch.device, warn: Callable[[str], None]) -> dict[str, Any]:
    """The newest state that is whole; broken ones are passed over with a warning.

    Raises:
        TrainingError: there is none.
    """
    for path in states(run):
        try:
            data = path.read_bytes()
            if zlib.crc32(data) != int(path.stem.partition("-")[2], 16):
                raise ValueError("its bytes have changed, or some are missing")
            state: dict[str, Any] = torch.load(
                io.BytesIO(data), map_location=device, weights_only=True
            )
            return state
        except (OSError, ValueError) as e:
            warn(f"{path} is broken ({e}); trying the one before it")
    raise TrainingError(f"nothing to resume in {run}: there is no whole state in {run / 'states'}")


def clear(run: Path) -> None:
    """Remove what a run that was killed before it had begun, or while it wrote, left behind."""
    for left in [*run.glob(".wavegen-*"), *(run / "states").glob(".wavegen-*")]:
        left.unlink(missing_ok=True)
    if not (run / "config.toml").exists():
        for path in states(run):
            path.unlink()
