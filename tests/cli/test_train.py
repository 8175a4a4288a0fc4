"""`wavegen train` on odd clips and under wrong arguments."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import DIGITS, READABLE, UNREADABLE, Result, one_clear_line, spoil, write_recipe


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
    done = cli("train", tmp_path / "audio", "--recipe", recipe, "--out", tmp_path / "run")
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
        (["{digits}", "--resume"], ["nothing to resume"]),
        (["{digits}", "--steps", "1", "--minutes", "1"], ["not both"]),
        (["{digits}", "--set", "train.clip_norm=inf"], ["finite"]),
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
