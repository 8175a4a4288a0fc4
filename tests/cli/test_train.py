"""`wavegen train`: what it makes and says, when it is stopped, and what it refuses."""

import json
import os
import random
import shlex
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import forks
import numpy as np
import pytest
import soundfile
import torch
from helpers import DIGITS, READABLE, UNREADABLE, Result, one_clear_line, rows, spoil, write_recipe

from wavegen.cli.train import View
from wavegen.library import load_voice
from wavegen.training.checkpoint import states


@pytest.mark.parametrize("how", [*READABLE, *UNREADABLE])
def test_training_takes_odd_clips_and_lists_unreadable_ones(
    cli: Callable[..., Result], tmp_path: Path, how: str
) -> None:
    folder = tmp_path / "audio"
    folder.mkdir()
    for n in range(5, 15):
        for p in DIGITS.glob(f"*_jackson_{n}.wav"):
            shutil.copy(p, folder)
    spoil(folder / "9_jackson_99.wav", how)
    recipe = write_recipe(tmp_path / "tiny.toml", steps=2, validate_every=2)
    done = cli("train", folder, "--recipe", recipe, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert ("left out 9_jackson_99.wav" in done.err) == (how in UNREADABLE)


def test_one_clip_only_trains_and_says_what_is_missing(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "audio").mkdir()
    shutil.copy(DIGITS / "7_jackson_12.wav", tmp_path / "audio")
    recipe = write_recipe(tmp_path / "tiny.toml", steps=2)
    # As in a script that is run again and again: there is nothing to resume yet.
    command = ["train", tmp_path / "audio", "--recipe", recipe, "--out", tmp_path / "run"]
    done = cli(*command, "--resume")
    assert done.code == 0, done.err
    assert "no clip is held out" in done.err
    assert (tmp_path / "run" / "voice.safetensors").exists()


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (["{tmp}/nothing"], ["nothing is not a folder"]),
        (["{tmp}/bare"], ["no audio in"]),
        (["{tmp}/bad"], ["no usable audio", "bad.wav"]),
        (["{digits}", "--recipe", "nonsense"], ["no recipe 'nonsense'", "digits"]),
        (["{digits}", "--recipe", "{tmp}/wrong.toml"], ["2 faults", "layrs", "steps must be int"]),
        (["{digits}", "--recipe", "{tmp}/bad/bad.wav"], ["not valid TOML"]),
        (["{digits}", "--set", "train.stps=1"], ["did you mean steps?"]),
        (["{digits}", "--layout", "tree"], ["data.layout must be one of"]),
        (["{digits}", "--device", "tpu"], ["choose auto, cpu or cuda"]),
        (["{digits}", "--steps", "1", "--minutes", "1"], ["not both"]),
        (["{digits}", "--set", "train.clip_norm=inf"], ["finite"]),
        (["{digits}", "--from", "nobody"], ["no voice 'nobody'"]),
        (
            ["{digits}", "--from", "kathleen", "--recipe", "digits"],
            ["another WaveNet", "sample_rate"],
        ),
        (
            ["{digits}", "--from", "digits", "--size", "small"],
            ["residual_channels is 64, not 32", "keeps the network"],
        ),
        (["{digits}", "--from", "kathleen", "--keep-speakers"], ["has no speakers"]),
        (["{digits}", "--keep-speakers"], ["--from"]),
    ],
)
def test_wrong_arguments_of_train(
    cli: Callable[..., Result], tmp_path: Path, args: list[str], parts: list[str]
) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "bad.wav").write_text("no audio")
    (tmp_path / "wrong.toml").write_text('[model]\nlayrs = 3\n[train]\nsteps = "many"\n')
    given = [a.format(tmp=tmp_path, digits=DIGITS) for a in args]
    one_clear_line(cli("train", *given, "--out", tmp_path / "run"), *parts)
    assert not (tmp_path / "run").exists()


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
    assert set(json.loads(scored.out)) == {
        "file",
        "features",
        "bits_per_sample",
        "samples",
        "seconds",
        "network_bits_per_sample",
        "network_sample",
    }
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


SIGNALS = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


def interrupted(args: list[object], number: int, once: Path, said: Path) -> tuple[int | None, str]:
    """The exit code of a command that gets a signal once there is a file, and its last line."""
    process = forks.start(*args, said=said)
    while not once.exists() and process.is_alive():
        time.sleep(0.02)
    assert process.pid
    os.kill(process.pid, number)
    return forks.code(process), said.read_text().splitlines()[-1]


@SIGNALS
def test_a_signal_saves_and_says_how_to_go_on(tmp_path: Path, number: int, code: int) -> None:
    often = {"log_every": 2, "checkpoint_every": 100_000, "validate_every": 100_000}
    recipe = write_recipe(tmp_path / "tiny.toml", steps=100_000, **often)
    run = tmp_path / "run"
    plain = ("--recipe", recipe, "--layout", "flat", "--set", "conditioning.features=none")
    args: list[object] = ["train", DIGITS, *plain, "--out", run]
    found, said = interrupted(args, number, run / "metrics.jsonl", tmp_path / "said")
    assert found == code, said
    step, _, again = said.partition("; resume with: ")
    assert step.startswith("stopped at step ")
    assert shlex.split(again) == ["wavegen", *map(str, args), "--resume"]
    assert states(run)
    losses = [r["loss_bits"] for r in rows(run) if "loss_bits" in r]
    assert losses
    assert np.isfinite(losses).all()


@SIGNALS
def test_a_signal_while_models_are_fitted_says_how_to_go_on(
    tmp_path: Path, number: int, code: int
) -> None:
    run = tmp_path / "run"
    many = ("--set", "conditioning.acoustic_steps=100000")
    recipe = write_recipe(tmp_path / "tiny.toml")
    args: list[object] = ["train", DIGITS, "--recipe", recipe, *many, "--out", run, "--resume"]
    found, said = interrupted(args, number, run / "fitting.pt", tmp_path / "said")
    assert (found, said) == (
        code,
        f"stopped; resume with: {shlex.join(['wavegen', *map(str, args)])}",
    )
    assert (run / "fitting.pt").exists()  # where it goes on from


def test_a_signal_that_a_library_swallows_stops_at_the_next_step_of_fitting() -> None:
    with View() as view:
        view.progress("fitting the aligner", 1, 10)
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            view.progress("fitting the aligner", 2, 10)


@pytest.mark.slow
def test_a_run_killed_at_twenty_random_moments_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    often = {"checkpoint_every": 10, "validate_every": 60, "log_every": 5, "predicted": 0.0}
    recipe = write_recipe(tmp_path / "tiny.toml", steps=600, window_seconds=0.1, **often)
    said = tmp_path / "said"

    def start(run: Path) -> BaseProcess:
        begun = (run / "config.toml").exists()
        how = ["--resume"] if begun else ["--recipe", recipe]
        return forks.start("train", DIGITS, "--out", run, *how, said=said)

    assert forks.code(start(tmp_path / "whole")) == 0, said.read_text()
    rng = random.Random(0)
    run = tmp_path / "killed"
    kills = 0
    while kills < 20:
        process = start(run)
        at = newest = states(run)[:1]
        if rng.random() < 0.75:  # once it trains; otherwise also while it starts
            while newest == at and process.is_alive():
                newest = states(run)[:1]
                time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.1) if newest != at else rng.uniform(0, 1))
        process.kill()
        assert forks.code(process) in (-signal.SIGKILL, 0), said.read_text()
        kills += 1
    assert forks.code(start(run)) == 0, said.read_text()
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


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        ((), "wavegen synth --text "),
        (("--layout", "flat", "--set", "conditioning.features=mel"), "wavegen vocode "),
        (("--layout", "flat"), "wavegen synth --seconds 3 "),
    ],
)
def test_the_last_line_has_the_bits_and_a_command_that_makes_the_voice_heard(
    cli: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: tuple[str, ...],
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = write_recipe(tmp_path / "tiny.toml", steps=2, validate_every=2)
    done = cli("train", DIGITS, "--recipe", recipe, "--out", "runs/tour", *settings)
    assert done.code == 0, done.err
    said, _, given = done.err.splitlines()[-1].rpartition(": ")
    assert said.startswith("trained runs/tour/voice.safetensors: ")
    assert " clips; after only 2 steps it makes noise" in said
    assert given.startswith(command)
    heard = cli(*shlex.split(given)[1:])
    assert heard.code == 0, heard.err
    assert "voice tour, " in heard.err or "voice tour " in heard.err
    assert soundfile.info(tmp_path / "out.wav").frames > 800


def test_fine_tuning_is_resumed_and_info_names_the_voice_it_came_from(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    folder, run = tmp_path / "ours", tmp_path / "run"
    folder.mkdir()
    for file in DIGITS.glob("*_theo_*.wav"):
        shutil.copy(file, folder)
    quick = ("train.batch_size=2", "train.precision=f32", "conditioning.acoustic_steps=2")
    settings = [x for s in quick for x in ("--set", s)]
    command = ["train", folder, "--out", run, "--from", tiny_voice_file]
    done = cli(*command, "--layout", "flat", "--steps", "2", "--keep-speakers", *settings)
    assert done.code == 0, done.err
    assert "wavegen vocode" in done.err
    shown = cli("info", run / "voice.safetensors").out
    assert "6 ours" in shown
    assert "made from\tvoice tiny (SHA-256 " in shown
    assert "licence not given" in shown
    assert cli(*command, "--resume", "--steps", "3").code == 0
    other = ["--from", "digits", "--resume"]
    one_clear_line(cli(*command[:4], *other), "started from tiny, not from this digits")
