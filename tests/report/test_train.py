"""`wavegen.train`: training from Python with its record."""

import json
from pathlib import Path

import pytest
import torch
from helpers import DIGITS, free_voice, write_recipe

import wavegen
from wavegen.errors import TrainingError
from wavegen.report.train import on_cpu
from wavegen.training.hooks import Hooks


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


def test_steps_and_minutes_exclude_each_other_and_a_resumed_run_keeps_its_recipe(
    tmp_path: Path,
) -> None:
    with pytest.raises(TrainingError, match="not both"):
        wavegen.train(DIGITS, steps=1, minutes=1)
    (tmp_path / "config.toml").touch()
    with pytest.raises(TrainingError, match="keeps the run's own recipe"):
        wavegen.train(DIGITS, "digits", tmp_path, resume=True)
