"""`wavegen score` of good, odd and broken recordings."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from helpers import DIGITS, READABLE, UNREADABLE, Result, one_clear_line, spoil

from wavegen.assembly import untrained
from wavegen.config import Config


@pytest.mark.parametrize("how", READABLE)
def test_odd_recordings_are_scored(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path, how: str
) -> None:
    spoil(tmp_path / "odd.wav", how)
    args = ("--voice", tiny_voice_file, "-s", "jackson", "-t", "seven", "--json")
    done = cli("score", tmp_path / "odd.wav", *args)
    assert done.code == 0, done.err
    assert 0 < json.loads(done.out)["bits_per_sample"] < 20


@pytest.mark.parametrize("how", UNREADABLE)
def test_unreadable_recordings_are_named(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path, how: str
) -> None:
    spoil(tmp_path / "odd.wav", how)
    args = ("--voice", tiny_voice_file, "-s", "jackson", "-t", "seven")
    one_clear_line(cli("score", tmp_path / "odd.wav", *args), "odd.wav")


def test_score_prints_a_mean_over_samples(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path, tiny_config: Config
) -> None:
    files = [DIGITS / f"1_{s}_6.wav" for s in ("theo", "george")]
    args = ("--voice", tiny_voice_file, "-s", "theo", "-t", "one")
    rows = [json.loads(x) for x in cli("score", *files, *args, "--json").out.splitlines()]
    mean = sum(r["bits_per_sample"] * r["samples"] for r in rows) / sum(r["samples"] for r in rows)
    assert f"{mean:.4f}" in cli("score", *files, *args).out
    assert "its own spectrogram" in cli("score", files[0], *args[:-2]).out
    one_clear_line(cli("score", *files, "--voice", tiny_voice_file, "-t", "one"), "--speaker")
    spoken = tmp_path / "phones_f0.safetensors"
    config = tiny_config.replace("conditioning", features="phones_f0")
    untrained(config, ("theo",), ("_", "n")).save(spoken)
    one_clear_line(cli("score", *files, "--voice", spoken, "-s", "theo"), "--text")


def test_a_text_replaces_the_recordings_own_spectrogram(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path, tiny_config: Config
) -> None:
    args = ("score", DIGITS / "1_theo_6.wav", "--voice", tiny_voice_file, "-s", "theo", "--json")
    texts = {text: json.loads(cli(*args, "-t", text).out) for text in ("one", "seven")}
    own = json.loads(cli(*args).out)
    assert own["features"] == "spectrogram"
    assert {row["features"] for row in texts.values()} == {"text"}
    assert len({row["bits_per_sample"] for row in (own, *texts.values())}) == 3
    assert own["network_sample"] == "µ-law 8-bit excitation"
    assert 0 < own["network_bits_per_sample"] < 12
    one_clear_line(cli(*args, "-t", "!!"), "no words")
    sounds = tmp_path / "sounds.safetensors"
    config = tiny_config.replace("conditioning", features="none")
    untrained(config, ("theo",), ()).save(sounds)
    rest = (DIGITS / "1_theo_6.wav", "--voice", sounds)
    assert json.loads(cli("score", *rest, "--json").out)["features"] == "none"
    one_clear_line(cli("score", *rest, "-t", "one"), "without texts")


def test_the_bits_of_parts_are_those_of_the_whole(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    args = ("score", DIGITS / "7_theo_12.wav", "--voice", tiny_voice_file, "-s", "theo")
    for by in ("frame", "phoneme", "word", "second"):
        row = json.loads(cli(*args, "-t", "seven", "--by", by, "--json").out)
        parts = row[f"by_{by}"]
        assert parts[0]["start"] == 0
        assert parts[-1]["end"] == pytest.approx(row["seconds"])
        assert all(a["end"] == b["start"] for a, b in pairwise(parts))
        whole = sum(p["bits_per_sample"] * (p["end"] - p["start"]) for p in parts)
        assert whole / row["seconds"] == pytest.approx(row["bits_per_sample"], rel=0.02)
        labels = {p["label"] for p in parts} - {""}
        assert bool(labels) == (by in ("phoneme", "word"))
    assert "seven" in cli(*args, "-t", "seven", "--by", "word").out
    one_clear_line(cli(*args, "--by", "word"), "--text")


def test_a_plot_is_of_one_recording(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    files = [DIGITS / f"{d}_theo_{d + 5}.wav" for d in (1, 7)]
    args = ("--voice", tiny_voice_file, "-s", "theo", "-t", "one", "--plot", tmp_path / "bits.png")
    done = cli("score", files[0], *args)
    assert done.code == 0, done.err
    assert (tmp_path / "bits.png").read_bytes().startswith(b"\x89PNG")
    one_clear_line(cli("score", files[0], *args), "--force")
    one_clear_line(cli("score", *files, *args, "--force"), "one file")


def test_some_unreadable_recordings_among_others_exit_one_with_a_count(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    spoil(tmp_path / "bad.wav", "text")
    files = [tmp_path / "bad.wav", DIGITS / "1_theo_6.wav"]
    done = cli("score", *files, "--voice", tiny_voice_file, "-s", "theo", "-t", "one", "--json")
    assert done.code == 1
    assert len(done.out.splitlines()) == 1
    assert "bad.wav" in done.err
    assert "1 of 2" in done.err
