"""Whole runs from Python: what they tell on the way, what they return, and what they refuse."""

import logging
import shutil
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import torch
from helpers import DIGITS, full_disk, trainer

from wavegen.config import Config
from wavegen.data.dataset import open_dataset
from wavegen.errors import TrainingError
from wavegen.library import load_voice
from wavegen.speech import descent
from wavegen.training import endings
from wavegen.training.checkpoint import Fitting
from wavegen.training.hooks import Hooks
from wavegen.training.lock import locked
from wavegen.training.run import new_trainer, resume_run, saved_trainer, start_run


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


@pytest.mark.parametrize("kind", ["gru", "transformer"])
def test_another_kind_of_network_is_trained_and_resumed_by_the_same_loop(
    tmp_path: Path, tiny_config: Config, kind: str
) -> None:
    config = tiny_config.replace("model", kind=kind, dilation_cycle=10)
    config = config.replace("conditioning", features="none")
    config = config.replace("train", steps=4, window_seconds=0.05)
    asked = iter([False, False, True])
    hooks = Hooks(stop=lambda: next(asked, False))
    start_run(DIGITS, tmp_path / "run", config, device="cpu", hooks=hooks)
    result = resume_run(DIGITS, tmp_path / "run", device="cpu")
    assert (result.finished, result.step) == (True, 4)
    voice = load_voice(result.voice)
    assert voice.config.model.kind == kind
    assert voice.speakers
    assert result.validation_bits is not None
    assert result.validation_bits < 8.5


@pytest.mark.parametrize("sparsity", [0.0, 0.5])
def test_a_stopped_run_is_resumed_and_ends_as_an_undisturbed_one(
    tmp_path: Path, tiny_config: Config, sparsity: float
) -> None:
    tiny_config = tiny_config.replace("train", sparsity=sparsity)
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
    hidden = a["wavenet.hidden.weight"]
    assert hidden.any(0).float().mean() == 1 - sparsity


def test_a_run_killed_while_it_is_fitted_goes_on_from_there(
    tmp_path: Path, tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech = {"acoustic_steps": 30, "content_channels": 4, "content_steps": 25}
    config = tiny_config.replace("conditioning", **speech)
    audio = tmp_path / "audio"
    audio.mkdir()
    for file in DIGITS.glob("[0-2]_*.wav"):
        shutil.copy(file, audio)
    whole = trainer(tmp_path / "whole", config, audio).voice.speech()
    monkeypatch.setattr(descent, "SAVE_SECONDS", -1.0)
    stops = [("fitting the aligner", 4), ("fitting the acoustic model", 25)]
    stops.append(("fitting the content model", 23))
    begun = []
    for stop in [*stops, None]:
        told: dict[str, int] = {}

        def progress(phase: str, done: int, total: int) -> None:
            told.setdefault(phase, done)  # noqa: B023
            if (phase, done) == stop:  # noqa: B023
                raise KeyboardInterrupt

        with suppress(KeyboardInterrupt):
            part = new_trainer(
                audio, tmp_path / "part", config, device="cpu", hooks=Hooks(progress=progress)
            )
        phases = ("fitting the aligner", "checking the texts", "fitting the acoustic model")
        phases = (*phases, "fitting the content model")
        begun.append([told.get(p) for p in phases])
        assert (tmp_path / "part" / "fitting.pt").exists() == (stop is not None)
    with full_disk(), pytest.raises(OSError, match="large"):
        Fitting(tmp_path / "part", config, part.dataset, None).save()
    fourth = [None, None, None, 23]
    assert begun == [[0, None, None, None], [5, 1, 1, None], [None, None, 25, 1], fourth]
    for name, model in part.voice.speech().items():
        for key, tensor in model.state_dict().items():
            assert torch.equal(tensor, whole[name].state_dict()[key]), (name, key)


@pytest.mark.parametrize("begun", [0.01, None])
def test_other_minutes_than_the_run_began_with_are_warned_of(
    tmp_path: Path, tiny_config: Config, caplog: pytest.LogCaptureFixture, begun: float | None
) -> None:
    caplog.set_level(logging.INFO)
    config = tiny_config.replace("conditioning", features="none")
    steps = new_trainer(DIGITS, tmp_path, config, begun, "cpu").config.train.steps
    for minutes in (0.01, 20):
        warned: list[str] = []
        hooks = Hooks(warn=warned.append)
        t = saved_trainer(DIGITS, tmp_path, device="cpu", hooks=hooks, minutes=minutes)
        assert t.config.train.steps == steps
        if minutes == begun:
            assert warned == []
            assert "--steps changes it" in caplog.text
        else:
            [said] = warned
            how = f"with --minutes {begun:g}" if begun else "without --minutes"
            assert said.startswith(f"train.steps stays {steps}, though --minutes says {minutes:g}")
            assert f"the run began {how} " in said


def test_what_was_fitted_otherwise_is_not_used(tmp_path: Path, tiny_config: Config) -> None:
    dataset = open_dataset(DIGITS, tiny_config, f0=False)
    fitting = Fitting(tmp_path, tiny_config, dataset, None)
    fitting.state["rounds"] = 3
    fitting.save()
    assert Fitting(tmp_path, tiny_config, dataset, None).state == {"rounds": 3}
    other = tiny_config.replace("conditioning", acoustic_steps=7)
    assert Fitting(tmp_path, other, dataset, None).state == {}
    assert Fitting(tmp_path, tiny_config, dataset, 1.0).state == {}
    (tmp_path / "fitting.pt").write_bytes(b"PK broken")
    assert Fitting(tmp_path, tiny_config, dataset, None).state == {}


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


def test_of_two_trainings_in_one_directory_the_second_is_refused(
    tmp_path: Path, tiny_config: Config
) -> None:
    with locked(tmp_path / "run"), pytest.raises(TrainingError, match="is training in"):
        start_run(DIGITS, tmp_path / "run", tiny_config, device="cpu")


def test_phones_need_a_text_for_every_clip(
    tmp_path: Path, tone: Callable[..., Path], tiny_config: Config
) -> None:
    tone(tmp_path / "a.wav")
    tone(tmp_path / "b.wav")
    config = tiny_config.replace("conditioning", features="phones_f0")
    with pytest.raises(TrainingError, match=r"2 of 2 clips .* have no text"):
        trainer(tmp_path / "run", config, tmp_path)


def test_a_run_that_learns_where_clips_end_corrects_it_in_both_voices(
    tmp_path: Path, tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "CLIPS", 4)
    monkeypatch.setattr(endings, "FEWEST", 4)
    config = tiny_config.replace("model", ends=True, output="logistic_mixture", mixtures=2)
    config = config.replace("conditioning", features="none").replace("data", join=1, test=0.0)
    told: list[str] = []
    hooks = Hooks(progress=lambda phase, done, total: told.append(phase))
    result = start_run(DIGITS, tmp_path / "run", config, device="cpu", hooks=hooks)
    assert result.test_bits is None
    assert told[-1] == "measuring where clips end"
    for name in ("voice", "last"):
        found = load_voice(tmp_path / "run" / f"{name}.safetensors").endings
        assert found is not None
        assert found.odds.min() < 0 < found.odds.max()
