"""`wavegen anomalies` of folders with and without texts."""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from helpers import DIGITS, Result, one_clear_line


def copies(folder: Path, digits: Sequence[int], noisy: int | None = None) -> Path:
    """Recordings of digits, in one of which noise is heard for 50 ms."""
    folder.mkdir()
    for digit in digits:
        [file] = DIGITS.glob(f"{digit}_theo_*.wav")
        audio, rate = soundfile.read(file, dtype="float32")
        if digit == noisy:
            audio[1600:2000] = np.random.default_rng(0).uniform(-0.5, 0.5, 400)
        soundfile.write(folder / file.name, audio, rate)
    return folder


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


@pytest.mark.parametrize("texts", ["--texts", "--no-texts"])
def test_noise_in_a_recording_is_found_where_it_is(
    cli: Callable[..., Result], tiny_voice_file: Path, tmp_path: Path, texts: str
) -> None:
    fit = copies(tmp_path / "usual", range(10))
    folder = copies(tmp_path / "odd", (4, 7), noisy=4)
    page = tmp_path / "page.html"
    args = ("anomalies", folder, "--voice", tiny_voice_file, texts, "--cache-dir", tmp_path / "c")
    args = (*args, "--fit", fit, "--threshold", 0.2)
    found = rows(cli(*args, "--json", "-o", page))
    assert [row["file"][0] for row in found] == ["4", "7"]
    assert found[0]["surprise"] > found[0]["threshold"]
    part = found[0]["anomalies"][0]
    assert part["surprise"] == found[0]["surprise"]
    assert part["start"] < 0.25
    assert part["end"] > 0.2
    assert part["words"] == ("four" if texts == "--texts" else "")
    html = page.read_text()
    assert "4_theo" in html
    assert html.count("<audio") > len(found[0]["anomalies"])
    table = cli(*args).out.splitlines()
    assert table[0].split("\t")[:4] == ["file", "from", "to", "surprise"]
    assert table[1].startswith("4_theo")
    one_clear_line(cli(*args, "-o", page), "--force")


def test_without_others_to_fit_recordings_are_compared_with_each_other(
    cli: Callable[..., Result], tiny_voice_file: Path, tmp_path: Path
) -> None:
    args = ("--voice", tiny_voice_file, "--cache-dir", tmp_path / "c", "--json")
    few = copies(tmp_path / "few", range(3))
    one_clear_line(cli("anomalies", few, *args), "3 recordings", "--fit")
    folder = copies(tmp_path / "all", range(10), noisy=4)
    found = rows(cli("anomalies", folder, *args))
    assert len(found) == 10
    assert found[0]["file"].startswith("4_theo")
    assert all(a["surprise"] >= b["surprise"] for a, b in pairwise(found))


def test_bad_options_are_named(
    cli: Callable[..., Result], tiny_voice_file: Path, tmp_path: Path
) -> None:
    args = ("--voice", tiny_voice_file, "--cache-dir", tmp_path / "c")
    one_clear_line(cli("anomalies", DIGITS, *args, "--threshold", 1.5), "--threshold")
    one_clear_line(cli("anomalies", tmp_path, *args), "no audio")
    unnamed = tmp_path / "unnamed"
    unnamed.mkdir()
    soundfile.write(unnamed / "a.wav", np.zeros(8000, np.float32), 8000)
    one_clear_line(cli("anomalies", unnamed, *args), "a.wav", "--speaker")
