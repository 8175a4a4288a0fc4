"""`wavegen prepare`."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from helpers import DIGITS, Result


def test_clearing_removes_prepared_data_and_nothing_else(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    assert cli("prepare", DIGITS, "--recipe", "digits", "--cache-dir", tmp_path).code == 0
    (tmp_path / "precious.txt").write_text("mine")
    (tmp_path / "0123456789abcdef").mkdir()
    (tmp_path / "0123456789abcdef" / "mine.wav").touch()
    done = cli("prepare", "--clear", "--cache-dir", tmp_path)
    assert "removed 1 prepared data set" in done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0123456789abcdef", "precious.txt"]


def test_prepare_shows_what_training_will_see(cli: Callable[..., Result], tmp_path: Path) -> None:
    done = cli("prepare", DIGITS, "--recipe", "digits", "--cache-dir", tmp_path)
    assert done.code == 0, done.err
    for part in ("layout pattern", "60, 0 left out", "6: george", "10 different words"):
        assert part in done.err


def test_clipping_and_trimming_are_told_once_for_a_file_in_pieces(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "sounds").mkdir()
    audio = np.random.default_rng(0).uniform(-1.2, 1.2, 40000)
    audio[:8000] = 0
    soundfile.write(tmp_path / "sounds" / "loud.wav", audio, 8000, "FLOAT")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        "data = { layout = 'flat', longest = 1.0, trim_db = 40 }\naudio = { sample_rate = 8000 }\n"
    )
    done = cli(
        "prepare", tmp_path / "sounds", "--recipe", recipe, "--cache-dir", tmp_path / "cache"
    )
    assert done.code == 0, done.err
    assert done.err.count("beyond ±1 clipped") == 1
    assert re.search(r"trimmed [01]\.\d s of silence", done.err)
