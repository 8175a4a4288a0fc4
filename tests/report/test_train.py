"""`wavegen.train`: training from Python with its record."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import DIGITS, free_voice, write_recipe

import wavegen
from wavegen.errors import TrainingError
from wavegen.report import recorder
from wavegen.report.train import on_cpu
from wavegen.training.hooks import Hooks
from wavegen.training.run import TrainingResult


def test_train_records_warns_and_returns_a_voice_that_is_named_for_its_run(tmp_path: Path) -> None:
    warned: list[str] = []
    hooks = Hooks(warn=warned.append)
    result = wavegen.train(
        DIGITS,
        write_recipe(tmp_path / "tiny.toml", sample_every=2),
        tmp_path / "tour",
        steps=2,
        settings=["train.validate_every=2"],
        device="cpu",
        hooks=hooks,
    )
    assert (result.finished, result.step) == (True, 2)
    assert wavegen.load_voice(result.voice).name == "tour"
    assert any("under a minute of audio" in message for message in warned)
    names = {p.name for p in result.run.iterdir()}
    assert names >= {"data.json", "starts.jsonl", "samples", "tensorboard", "metrics.jsonl"}
    assert json.loads((result.run / "data.json").read_text())["clips"] == 60
    longer = wavegen.train(DIGITS, out=result.run, resume=True, steps=3, hooks=hooks)
    assert (longer.finished, longer.step) == (True, 3)


def test_a_copy_on_the_cpu_is_not_trained_further(tmp_path: Path) -> None:
    voice = wavegen.load_voice(free_voice(tmp_path / "free.safetensors")).voice
    copied = on_cpu(voice)
    with torch.no_grad():
        voice.model.skip_bias.fill_(7)
    assert copied.model.skip_bias.abs().max() < 7
    assert not copied.model.training
    assert voice.config == copied.config


def test_steps_and_minutes_exclude_each_other() -> None:
    with pytest.raises(TrainingError, match="not both"):
        wavegen.train(DIGITS, steps=1, minutes=1)


PLAIN = ("model.layers=3", "conditioning.features=none")


def test_the_same_call_resumes_what_it_began(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "tiny.toml", checkpoint_every=1)

    def train(**more: Any) -> tuple[TrainingResult, list[str]]:
        warned: list[str] = []
        how: dict[str, Any] = {"size": "small", "layout": "pattern", "fold": "1/2"}
        how |= {"settings": [*PLAIN, "train.clip_norm=2"], "resume": True} | more
        hooks = Hooks(warn=warned.append, stop=lambda: True)
        run = wavegen.train(DIGITS, recipe, tmp_path / "run", device="cpu", hooks=hooks, **how)
        return run, warned

    for step in (1, 2):
        done, warned = train(steps=3)
        assert (done.step, done.finished) == (step, False)
        assert not [w for w in warned if "stays" in w]
    with pytest.raises(TrainingError, match=r"model\.residual_channels is 32 in the run, not 64"):
        train(size="medium")
    done, warned = train(minutes=1)
    assert (done.step, done.finished) == (3, True)


def test_samples_that_cannot_be_written_do_not_end_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recorder, "write_audio", full)
    warned: list[str] = []
    recipe = write_recipe(tmp_path / "tiny.toml", sample_every=1, steps=2)
    hooks = Hooks(warn=warned.append)
    how: dict[str, Any] = {"settings": PLAIN, "device": "cpu", "hooks": hooks}
    assert wavegen.train(DIGITS, recipe, tmp_path / "run", **how).finished
    assert len([w for w in warned if w.startswith("no samples of step ")]) == 2
