"""Whole runs from Python: what they tell on the way, what they return, and what they refuse."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from helpers import DIGITS, full_disk, trainer

from wavegen.config import Config
from wavegen.errors import TrainingError
from wavegen.library import load_voice
from wavegen.training.hooks import Hooks
from wavegen.training.run import resume_run, start_run


def test_a_run_tells_its_phases_and_returns_the_voice_and_its_bits(
    tmp_path: Path, tiny_config: Config
) -> None:
    told: dict[str, list[tuple[int, int]]] = {}
    rows: list[dict[str, float]] = []
    ready: list[int] = []
    hooks = Hooks(
        progress=lambda phase, done, total: told.setdefault(phase, []).append((done, total)),
        ready=lambda trainer, speed: ready.append(trainer.step),
        log=rows.append,
    )
    config = tiny_config.replace("data", test=0.1)
    result = start_run(
        DIGITS, tmp_path / "run", config, device="cpu", cache=tmp_path / "cache", hooks=hooks
    )
    assert [*told] == [
        "reading audio",
        "finding F0",
        "fitting the aligner",
        "checking the texts",
        "aligning",
        "fitting the acoustic model",
        "measuring the speed",
        "training",
        "testing",
    ]
    for steps in told.values():
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]
    assert told["training"] == [(step, 8) for step in range(9)]
    assert ready == [0]
    assert [r["step"] for r in rows if "loss_bits" in r] == [2, 4, 6, 8]
    assert (result.finished, result.step, result.run) == (True, 8, tmp_path / "run")
    training = load_voice(result.voice).training
    assert training["test_bits"] == result.test_bits
    assert training["validation_bits"] == result.validation_bits
    assert result.validation_bits == min(r["val_bits"] for r in rows if "val_bits" in r)
    assert result.unit == training["unit"]
    with pytest.raises(TrainingError, match="already holds a run"):
        start_run(DIGITS, tmp_path / "run", config, device="cpu")


def test_a_stopped_run_is_resumed_and_ends_as_an_undisturbed_one(
    tmp_path: Path, tiny_config: Config
) -> None:
    whole = start_run(DIGITS, tmp_path / "whole", tiny_config, device="cpu")
    asked = iter([False, False, True])
    hooks = Hooks(stop=lambda: next(asked))
    part = start_run(DIGITS, tmp_path / "part", tiny_config, device="cpu", hooks=hooks)
    assert (part.finished, part.step, part.test_bits) == (False, 3, None)
    with pytest.raises(TrainingError, match=r"model\.layers is 4 in the run, not 3"):
        resume_run(DIGITS, part.run, ["model.layers=3"], device="cpu")
    resumed = resume_run(DIGITS, part.run, device="cpu")
    assert (resumed.finished, resumed.step) == (True, 8)
    assert resumed.validation_bits == whole.validation_bits
    a, b = (load_voice(r.voice).tensors() for r in (whole, resumed))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_directory_that_cannot_be_made_is_a_clear_error(
    tmp_path: Path, tiny_config: Config
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"can't write .*file/run: Not a directory; nothing"):
        start_run(DIGITS, tmp_path / "file" / "run", tiny_config, device="cpu")


def test_a_disk_that_fills_up_keeps_the_last_state_and_is_named(
    tmp_path: Path, tiny_config: Config
) -> None:
    config = tiny_config.replace("conditioning", features="none")
    config = config.replace("train", steps=9, log_every=3, checkpoint_every=2, validate_every=9)
    stack = ExitStack()

    def log(row: dict[str, float]) -> None:
        if row["step"] == 3:
            stack.enter_context(full_disk(4096))

    with stack, pytest.raises(TrainingError) as e:
        start_run(DIGITS, tmp_path / "run", config, device="cpu", hooks=Hooks(log=log))
    assert f"can't write {tmp_path}/run/states/000000004" in str(e.value)
    assert str(e.value).endswith(": File too large; step 2 is saved, and --resume goes on")
    done = resume_run(DIGITS, tmp_path / "run", device="cpu")
    assert (done.finished, done.step) == (True, 9)


def test_phones_need_a_text_for_every_clip(
    tmp_path: Path, tone: Callable[..., Path], tiny_config: Config
) -> None:
    tone(tmp_path / "a.wav")
    tone(tmp_path / "b.wav")
    config = tiny_config.replace("conditioning", features="phones_f0")
    with pytest.raises(TrainingError, match=r"2 of 2 clips .* have no text"):
        trainer(tmp_path / "run", config, tmp_path)
