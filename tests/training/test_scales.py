"""Several scales, trained one after the other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers import DIGITS, Result, one_clear_line, rows, scaled_config

from wavegen.config import Config
from wavegen.errors import TrainingError
from wavegen.library import load_voice, read_about
from wavegen.recipe import to_toml
from wavegen.scales import ScaledVoice
from wavegen.training.hooks import Hooks
from wavegen.training.run import TrainingResult, new_trainer, resume_run, start_run
from wavegen.training.scales import COARSER, share

RATES = [2000, 8000]


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few recordings without texts or speakers."""
    folder = tmp_path_factory.mktemp("sounds")
    for n, path in enumerate(sorted(DIGITS.glob("*.wav"))[:12]):
        shutil.copy(path, folder / f"sound{n}.wav")
    return folder


def trained(folder: Path, run: Path, config: Config, stop_at: int = 0) -> TrainingResult:
    """Start or resume a run; with ``stop_at``, until so many rows of metrics are written."""
    count = 0

    def log(row: dict[str, float]) -> None:
        nonlocal count
        count += "loss_bits" in row

    hooks = Hooks(stop=lambda: 0 < stop_at <= count, log=log)
    if (run / "config.toml").exists():
        return resume_run(folder, run, device="cpu", hooks=hooks)
    return start_run(folder, run, config, device="cpu", hooks=hooks)


@pytest.mark.parametrize("stop_at", [0, 2, 6])
def test_one_run_trains_all_scales_whether_it_is_stopped_or_not(
    sounds: Path, tmp_path: Path, stop_at: int
) -> None:
    config = scaled_config(4)
    run = tmp_path / "run"
    result = trained(sounds, run, config, stop_at)
    if stop_at:
        assert not result.finished
        assert (run / "config.toml").exists() == (stop_at == 6)
        result = trained(sounds, run, config)
    assert result.finished
    assert result.run == run
    assert [rows(r)[-1]["step"] for r in (run, run / COARSER)] == [8, 8]
    for name in ("voice.safetensors", "last.safetensors"):
        voice, coarser = load_voice(run / name), load_voice(run / COARSER / name)
        assert isinstance(voice, ScaledVoice)
        assert [v.sample_rate for v in voice.chain] == RATES
        for key, weights in coarser.tensors().items():
            assert torch.equal(weights, voice.tensors()[f"coarser.{key}"])
        assert voice.coarser.training["steps"] == voice.training["steps"] == 8
    whole = tmp_path / "whole"
    trained(sounds, whole, config)
    for name, weights in load_voice(whole / "last.safetensors").tensors().items():
        assert torch.equal(weights, load_voice(run / "last.safetensors").tensors()[name])


def test_a_coarser_run_with_other_settings_is_not_taken(sounds: Path, tmp_path: Path) -> None:
    assert not trained(sounds, tmp_path / "run", scaled_config(4), stop_at=1).finished
    with pytest.raises(TrainingError, match="other settings"):
        trained(sounds, tmp_path / "run", scaled_config(2))


def test_scales_that_hold_out_other_clips_are_warned_of(sounds: Path, tmp_path: Path) -> None:
    run, config, warned = tmp_path / "run", scaled_config(4), list[str]()
    assert config.coarser is not None
    trained(sounds, run / COARSER, config.coarser)
    new_trainer(sounds, run, config, device="cpu", hooks=Hooks(warn=warned.append))
    assert not warned
    split = json.loads((run / COARSER / "split.json").read_text())
    split["test"], split["train"] = split["train"][:1], split["train"][1:] + split["test"]
    (run / COARSER / "split.json").write_text(json.dumps(split))
    (run / "config.toml").unlink()
    new_trainer(sounds, run, config, device="cpu", hooks=Hooks(warn=warned.append))
    assert ["hold out other clips" in w for w in warned] == [True]


def test_minutes_are_shared(sounds: Path, tmp_path: Path) -> None:
    assert share(9.0, scaled_config(8, 2)) == (6.0, 3.0)
    assert share(6.0, scaled_config(8)) == (3.0, 3.0)
    assert share(None, scaled_config(8)) == (None, None)
    result = start_run(sounds, tmp_path / "run", scaled_config(4), 0.1, "cpu")
    assert result.finished
    steps = [read_about(r / "last.safetensors")["training"]["steps"] for r in (
        tmp_path / "run", tmp_path / "run" / COARSER
    )]  # fmt: skip
    assert min(steps) > 0


def test_the_commands_know_scales(sounds: Path, tmp_path: Path, cli: Callable[..., Result]) -> None:
    recipe, run = tmp_path / "scaled.toml", tmp_path / "run"
    recipe.write_text(to_toml(scaled_config(4).replace("train", steps=4, sample_every=4)))
    made = cli("train", sounds, "--recipe", recipe, "--out", run, "--device", "cpu")
    assert made.code == 0, made.err
    assert "synth --seconds 3" in made.err
    file = run / "voice.safetensors"
    made = cli("synth", "--voice", file, "--seconds", 0.2, "-o", tmp_path / "out.wav")
    assert made.code == 0, made.err
    prompt = next(sounds.glob("*.wav"))
    made = cli("continue", prompt, "--voice", file, "--seconds", 0.1, "-o", tmp_path / "more")
    assert made.code == 0, made.err
    made = cli("score", prompt, "--voice", file)
    assert "2000 Hz" in made.out
    assert "8000 Hz" in made.out
    assert "at most" in made.out
    row = json.loads(cli("score", prompt, "--voice", file, "--json").out)
    assert row["upper_bound"]
    assert abs(sum(row["bits_per_sample_by_rate"].values()) - row["bits_per_sample"]) < 1e-6
    about = cli("info", file).out
    assert "2000 Hz" in about
    assert json.loads(cli("info", file, "--json").out)["scales"][0]["sample_rate"] == 2000
    one_clear_line(cli("anomalies", sounds, "--voice", file), "several scales")
    one_clear_line(cli("compress", prompt, "--voice", file, "-o", tmp_path / "x.wvg"), "compress")
    again = cli("train", sounds, "--recipe", recipe, "--out", run, "--device", "cpu")
    one_clear_line(again, "already holds a run")
    tuned = cli("train", sounds, "--from", file, "--out", tmp_path / "tuned", "--device", "cpu")
    one_clear_line(tuned, "model.scales")
