"""Training: resumable, stoppable, and it learns."""

import errno
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from helpers import DIGITS, Result, resumed, rows, trainer, write_recipe

from wavegen.config import Config
from wavegen.data.windows import Batch
from wavegen.errors import TrainingError
from wavegen.library import load_voice
from wavegen.recipe import to_toml
from wavegen.training.checkpoint import states
from wavegen.training.hooks import Stopped


def test_a_stopped_and_resumed_run_equals_an_undisturbed_one(
    tmp_path: Path, tiny_config: Config
) -> None:
    config = tiny_config.replace("train", steps=40)  # more than one epoch
    whole = trainer(tmp_path / "whole", config)
    assert len(whole.windows.epoch(0)) < 40
    whole.train()
    for stop_at in (7, 31):
        part = resumed(tmp_path / "part") if stop_at > 7 else trainer(tmp_path / "part", config)
        part.hooks.stop = lambda t=part, n=stop_at: t.step == n
        with pytest.raises(Stopped):
            part.train()
        assert part.step == stop_at
    last = resumed(tmp_path / "part")
    last.train()
    for a, b in ((whole.voice, last.voice), (whole.averaged, last.averaged)):
        for name, t in a.model.state_dict().items():
            assert torch.equal(t, b.model.state_dict()[name]), name
    assert whole.best == last.best
    measured = [
        [(r["step"], r.get("loss_bits"), r.get("val_bits")) for r in rows(tmp_path / d)]
        for d in ("whole", "part")
    ]
    assert measured[0] == measured[1]


def test_training_learns_a_tone(
    tmp_path: Path, tone: Callable[..., Path], tiny_config: Config
) -> None:
    for n in range(4):
        tone(tmp_path / "audio" / f"{n}.wav", seconds=1.0)
    config = tiny_config.replace("train", steps=300, learning_rate=2e-2, warmup_steps=20)
    t = trainer(tmp_path / "run", config, tmp_path / "audio")
    before = t.measure(t.voice, t.validation)
    best = t.train()
    assert before > 7.5
    assert best < 4.0
    assert load_voice(tmp_path / "run" / "voice.safetensors").training["validation_bits"] == best


def test_a_loss_that_is_not_finite_stops_with_the_last_good_state(
    tmp_path: Path, tiny_config: Config
) -> None:
    t = trainer(tmp_path / "run", tiny_config.replace("train", checkpoint_every=3))
    good: dict[str, torch.Tensor] = {}

    def poison() -> bool:
        if t.step == 3:
            good.update({k: v.clone() for k, v in t.voice.model.state_dict().items()})
            real = t.stepper.forward

            def nan(batch: object) -> object:
                nats, tally = real(batch)  # type: ignore[arg-type]
                return nats * float("nan"), tally

            t.stepper.forward = nan  # type: ignore[method-assign, assignment]
        return False

    t.hooks.stop = poison
    with pytest.raises(TrainingError, match="no longer finite at step 4; the state of step 3"):
        t.train()
    again = resumed(tmp_path / "run")
    assert again.step == 3
    for name, w in again.voice.model.state_dict().items():
        assert torch.equal(w, good[name])


def test_a_batch_that_does_not_fit_is_computed_in_parts_and_counts_once(
    tmp_path: Path, tiny_config: Config
) -> None:
    config = tiny_config.replace("train", steps=1, log_every=1, batch_size=4, accumulate=2)
    whole, t = (trainer(tmp_path / d, config) for d in ("whole", "parts"))
    whole.train()
    real, calls, warned = t.stepper.forward, itertools.count(), []
    t.hooks.warn = warned.append

    def small(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        if next(calls) == 1:  # the first part has been counted
            raise torch.OutOfMemoryError
        return real(batch)

    t.stepper.forward = small  # type: ignore[method-assign]
    t.train()
    assert warned == ["out of memory: each batch is now computed in 4 parts"]
    assert rows(t.run)[0]["loss_bits"] == pytest.approx(rows(whole.run)[0]["loss_bits"], rel=1e-5)


@pytest.mark.parametrize(
    "said", ["no whole state", "the network is a different one", "another version"]
)
def test_a_state_that_cannot_be_resumed_is_a_clear_error(
    tmp_path: Path, tiny_config: Config, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer(tmp_path / "run", tiny_config)
    if said == "another version":
        monkeypatch.setattr("wavegen.training.trainer.FORMAT", 99)
    if said == "no whole state":
        states(tmp_path / "run")[0].unlink()
    if said == "the network is a different one":
        wider = tiny_config.replace("model", residual_channels=10)
        (tmp_path / "run" / "config.toml").write_text(to_toml(wider))
    with pytest.raises(TrainingError, match=said):
        resumed(tmp_path / "run")


@pytest.mark.parametrize("damage", ["half", "bit", "empty"])
def test_a_broken_state_is_passed_over_with_a_warning(
    tmp_path: Path, tiny_config: Config, damage: str
) -> None:
    t = trainer(tmp_path / "run", tiny_config.replace("train", checkpoint_every=2, keep=2))
    t.train()
    newest, before = states(tmp_path / "run")
    assert [int(p.stem[:9]) for p in (newest, before)] == [8, 6]
    data = bytearray(newest.read_bytes())
    if damage == "bit":
        data[len(data) // 2] ^= 1
    newest.write_bytes({"half": data[: len(data) // 2], "bit": data, "empty": b""}[damage])
    warned: list[str] = []
    again = resumed(tmp_path / "run", warn=warned.append)
    assert again.step == 6
    assert [newest.name in w for w in warned] == [True]


def test_a_full_disk_stops_with_the_last_good_state(
    tmp_path: Path, tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = trainer(tmp_path / "run", tiny_config.replace("train", checkpoint_every=3))

    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def stop() -> bool:
        if t.step == 4:
            monkeypatch.setattr(Path, "write_bytes", full)
        return False

    t.hooks.stop = stop
    with pytest.raises(TrainingError, match=r"No space left on device; the state of step 3"):
        t.train()
    monkeypatch.undo()
    again = resumed(tmp_path / "run")
    assert again.step == 3
    assert not list((tmp_path / "run").rglob(".wavegen-*"))


def test_a_run_goes_on_only_with_the_recordings_it_began_with(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    audio, run = tmp_path / "audio", tmp_path / "run"
    shutil.copytree(DIGITS, audio)
    recipe = write_recipe(tmp_path / "tiny.toml")
    assert cli("train", audio, "--recipe", recipe, "--out", run).code == 0
    split = (run / "split.json").read_bytes()
    assert cli("train", audio, "--out", run, "--resume", "--steps", "10").code == 0
    assert (run / "split.json").read_bytes() == split
    seed = cli("train", audio, "--out", run, "--resume", "--set", "train.seed=1")
    assert (seed.code, "train.seed" in seed.err) == (2, True)
    (audio / "0_george_5.wav").write_bytes((audio / "1_george_6.wav").read_bytes())
    changed = cli("train", audio, "--out", run, "--resume")
    assert (changed.code, "recordings have changed" in changed.err) == (2, True)
    (audio / "0_george_5.wav").unlink()
    fewer = cli("train", audio, "--out", run, "--resume")
    assert (fewer.code, "other clips" in fewer.err) == (2, True)


def test_phones_need_a_text_for_every_clip(
    tmp_path: Path, tone: Callable[..., Path], tiny_config: Config
) -> None:
    tone(tmp_path / "a.wav")
    tone(tmp_path / "b.wav")
    config = tiny_config.replace("conditioning", features="phones_f0")
    with pytest.raises(TrainingError, match=r"2 of 2 clips .* have no text"):
        trainer(tmp_path / "run", config, tmp_path)


def test_the_command_trains_scores_and_speaks(cli: Callable[..., Result], tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "tiny.toml", sample_every=8)
    run = tmp_path / "run"
    done = cli("train", DIGITS, "--recipe", recipe, "--out", run)
    assert done.code == 0, done.err
    assert "60, 0 left out" in done.err
    assert "6: george" in done.err
    names = {p.name for p in run.iterdir()}
    assert names >= {
        "config.toml",
        "split.json",
        "voice.safetensors",
        "last.safetensors",
        "states",
        "metrics.jsonl",
        "tensorboard",
        "samples",
    }
    assert len(list((run / "samples").glob("*.wav"))) == 4
    assert len(list((run / "samples").glob("*.png"))) == 4
    logged = [r["step"] for r in rows(run) if "loss_bits" in r]
    assert logged == [2, 4, 6, 8]
    voice = run / "voice.safetensors"
    out = tmp_path / "out.wav"
    assert cli("synth", "--voice", voice, "--text", "one two", "-o", out).code == 0
    audio, rate = soundfile.read(out)
    assert rate == 8000
    assert 0.3 < len(audio) / rate < 3
    scored = cli(
        "score", DIGITS / "1_theo_6.wav", "--voice", voice, "-s", "theo", "-t", "one", "--json"
    )
    assert set(json.loads(scored.out)) == {"file", "bits_per_sample", "samples", "seconds"}
    assert "receptive field" in cli("info", voice).out
    again = cli("train", DIGITS, "--recipe", recipe, "--out", run)
    assert (again.code, "--resume" in again.err) == (2, True)


def test_a_size_replaces_the_recipes_and_a_setting_replaces_both(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    recipe = write_recipe(tmp_path / "tiny.toml", steps=1)
    size = ("--size", "small", "--set", "model.layers=3")
    done = cli("train", DIGITS, "--recipe", recipe, "--out", tmp_path / "run", *size)
    assert done.code == 0, done.err
    recorded = (tmp_path / "run" / "config.toml").read_text()
    for line in ("layers = 3", "residual_channels = 32", "skip_channels = 128"):
        assert line in recorded


def test_minutes_become_a_recorded_number_of_steps(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    recipe = write_recipe(tmp_path / "tiny.toml")
    done = cli("train", DIGITS, "--recipe", recipe, "--out", tmp_path / "run", "--minutes", "0.02")
    assert done.code == 0, done.err
    recorded = (tmp_path / "run" / "config.toml").read_text()
    steps = rows(tmp_path / "run")[-1]["step"]
    assert f"steps = {steps}" in recorded


def test_a_voice_without_text_makes_seconds_of_sound(
    cli: Callable[..., Result], tmp_path: Path, tone: Callable[..., Path]
) -> None:
    for n in range(3):
        tone(tmp_path / "audio" / f"{n}.wav", rate=44100, channels=2)
    recipe = write_recipe(tmp_path / "tiny.toml")
    run = tmp_path / "run"
    assert cli("train", tmp_path / "audio", "--recipe", recipe, "--out", run).code == 0
    out = tmp_path / "a.wav"
    done = cli("synth", "--voice", run / "voice.safetensors", "--seconds", "0.5", "-o", out)
    assert done.code == 0, done.err
    assert soundfile.info(out).frames == 4000
    refused = cli(
        "synth", "--voice", run / "voice.safetensors", "--text", "hi", "-o", tmp_path / "b.wav"
    )
    assert refused.code == 2
    assert "--seconds" in refused.err


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path: Path, number: int, code: int) -> None:
    recipe = write_recipe(tmp_path / "tiny.toml", steps=100_000, checkpoint_every=100_000)
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "wavegen", "train", DIGITS, "--recipe", recipe, "--out", run],
        stderr=subprocess.PIPE,
        text=True,
    )
    metrics = run / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not metrics.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    assert f"--out {run} --resume" in " ".join(err.split())
    assert states(run)
    losses = [r["loss_bits"] for r in rows(run) if "loss_bits" in r]
    assert losses
    assert np.isfinite(losses).all()


@pytest.mark.slow
def test_a_run_killed_at_twenty_random_moments_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    often = {"checkpoint_every": 10, "validate_every": 60, "log_every": 5}
    recipe = write_recipe(tmp_path / "tiny.toml", steps=1200, window_seconds=0.1, **often)
    base = [sys.executable, "-m", "wavegen", "train", str(DIGITS)]
    env = os.environ | {"OMP_NUM_THREADS": "1"}

    def start(run: Path) -> subprocess.Popen[str]:
        begun = (run / "config.toml").exists()
        how = ["--resume"] if begun else ["--recipe", str(recipe)]
        command = [*base, "--out", str(run), *how]
        return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)

    whole = start(tmp_path / "whole")
    _, err = whole.communicate(timeout=300)
    assert whole.returncode == 0, err
    rng = random.Random(0)
    run = tmp_path / "killed"
    kills = 0
    while kills < 20:
        process = start(run)
        at = newest = states(run)[:1]
        if rng.random() < 0.75:  # once it trains; otherwise also while it starts
            while newest == at and process.poll() is None:
                newest = states(run)[:1]
                time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.5) if newest != at else rng.uniform(0, 4))
        process.kill()
        _, err = process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0), err
        kills += 1
    last = start(run)
    _, err = last.communicate(timeout=300)
    assert last.returncode == 0, err
    for name in ("last.safetensors", "voice.safetensors"):
        a, b = (load_voice(tmp_path / d / name).tensors() for d in ("whole", "killed"))
        assert a.keys() == b.keys()
        for k in a:
            assert torch.equal(a[k], b[k]), (name, k)
    kept = [[(r["step"], r.get("loss_bits")) for r in rows(tmp_path / d)] for d in ("whole", run)]
    assert kept[0] == kept[1]
    assert not list(run.rglob(".wavegen-*"))


def test_folds_are_trained_apart_and_summed_up(cli: Callable[..., Result], tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "tiny.toml", steps=2)
    base = ("train", DIGITS, "--recipe", recipe, "--out", tmp_path / "cross")
    one, two = (cli(*base, "--fold", f"{k}/2") for k in (1, 2))
    assert one.code == two.code == 0, one.err + two.err
    assert "1 of 2 folds done" in one.err
    assert "2 of 2 folds done" in two.err
    assert "standard deviation" in two.err
    splits = [
        json.loads((tmp_path / "cross" / f"fold-{k}-of-2" / "split.json").read_text())
        for k in (1, 2)
    ]
    assert not set(splits[0]["test"]) & set(splits[1]["test"])
    assert sum(len(s["test"]) for s in splits) == 60
    wrong = cli(*base, "--fold", "3/2")
    assert (wrong.code, "K/N" in wrong.err) == (2, True)
