"""`wavegen inspect`."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import DIGITS, Result


def test_inspect_shows_ranges_speakers_and_what_is_left_out(
    cli: Callable[..., Result], tmp_path: Path, tone: Callable[..., Path]
) -> None:
    for who in ("ann", "bob"):
        for n in range(4):
            tone(tmp_path / "in" / who / f"{n}.wav", seconds=0.5 + n)
    soundfile.write(tmp_path / "in" / "ann" / "silent.wav", np.zeros(800), 8000)
    (tmp_path / "in" / "bob" / "bad.wav").write_text("no audio")
    args = ("--set", "audio.sample_rate=8000", "-o", tmp_path / "plots")
    done = cli("inspect", tmp_path / "in", *args)
    assert done.code == 0, done.err
    assert "left out bob/bad.wav" in done.out
    assert "ann/silent.wav is all but silent" in done.out
    assert "-9.03" in done.out  # RMS of a sine of amplitude 0.5
    names = {"durations.png", "levels.png", "speakers.png"}
    assert {p.name for p in (tmp_path / "plots").iterdir()} == names
    again = cli("inspect", tmp_path / "in", *args)
    assert again.code == 2
    assert "--force" in again.err


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (["prepare"], "give AUDIO_DIR"),
        (["prepare", "{digits}", "--clear"], "no AUDIO_DIR with it"),
        (["prepare", "{tmp}/nothing"], "is not a folder"),
        (["inspect", "{tmp}/nothing"], "is not a folder"),
        (["inspect", "{digits}", "-o", "{tmp}/file"], "must name a folder"),
        (["inspect", "{digits}", "--layout", "tree"], "data.layout must be one of"),
        (["inspect", "{digits}", "--layout", "ljspeech"], "metadata.csv"),
    ],
)
def test_wrong_arguments_are_one_clear_line(
    cli: Callable[..., Result], tmp_path: Path, args: list[str], part: str
) -> None:
    (tmp_path / "file").touch()
    done = cli(*(a.format(tmp=tmp_path, digits=DIGITS) for a in args))
    assert done.code == 2
    assert [part in x for x in done.err.splitlines() if x.startswith("error: ")] == [True]


def test_plots_without_matplotlib_name_the_extra(
    cli: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = cli("inspect", DIGITS, "-o", tmp_path / "plots")
    assert done.code == 2
    assert "wavegen[report]" in done.err
    assert not any(tmp_path.iterdir())
