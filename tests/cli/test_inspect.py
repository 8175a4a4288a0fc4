"""`wavegen inspect`."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import DIGITS, Result, make_files


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
    told = json.loads(cli("inspect", tmp_path / "in", *args[:2], "--json").out)
    assert [path["path"] for path in told["left_out"]] == ["bob/bad.wav"]
    clips = {clip["path"]: clip for clip in told["clips"]}
    assert len(clips) == 9
    first = {"speaker": "ann", "text": None, "seconds": 0.5, "rms": -9.03, "peak": -6.02}
    assert clips["ann/0.wav"].items() >= first.items()
    assert clips["ann/silent.wav"]["peak"] == -120
    again = cli("inspect", tmp_path / "in", *args)
    assert again.code == 2
    assert "--force" in again.err


SAMPLES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"]
FORMATS = [
    *[("WAV", s, ".wav") for s in (*SAMPLES, "IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32")],
    *[("AIFF", s, ".aifc") for s in ("ALAW", "ULAW", "GSM610", "IMA_ADPCM")],
    *[("W64", s, ".w64") for s in ("PCM_16", "GSM610")],
    *[("CAF", s, ".caf") for s in ("PCM_16", "ALAC_16")],
    *[("OGG", s, ".ogg") for s in ("VORBIS", "OPUS")],
    *[("AU", "G723_24", ".au"), ("NIST", "PCM_16", ".sph"), ("VOC", "PCM_U8", ".voc")],
    *[("RF64", "PCM_16", ".WAV"), ("AIFF", "PCM_S8", ".AIF"), ("FLAC", "PCM_24", ".Flac")],
    *[("MP3", "MPEG_LAYER_III", ".mp3"), ("OGG", "OPUS", ".opus"), ("WAVEX", "PCM_16", ".wave")],
]
NAMES = [
    *("-o.wav", "two words.wav", "it's.wav", 'a "b".wav', "line\nbreak.wav", "1:2.wav", "a|b.wav"),
    *("é.wav", "e\u0301.wav", "日本.wav", "a.b.c.wav", "[x].wav", f"{'n' * 251}.wav", "#1.wav"),
]
BROKEN = {
    "empty.wav": "the file is empty",
    "text.wav": "Format not recognised",
    "header.wav": "holds no samples",
    "nan.wav": "NaN or infinite",
    "slow.wav": "a sample rate of 1 Hz",
    "text.m4a": "as audio",
    "text.webm": "as audio",
    "bad\udcff.wav": "not valid UTF-8",
}
OTHERS = {
    *("cover.jpg", "notes.PDF", "README", "Thumbs.db", ".DS_Store", ".hidden.wav", ".git/a.wav"),
    *("lyrics.txt", "x.raw", "x.pcm"),
}


def odd_folder(root: Path) -> int:
    """Make files of every kind that may lie in a folder of audio; their number."""
    sine = 0.5 * np.sin(2 * np.pi * 220 * np.arange(800) / 8000)
    make_files(root, dict.fromkeys([*BROKEN, *OTHERS], "Dear diary"))
    for n, (form, samples, suffix) in enumerate(FORMATS):
        soundfile.write(root / f"{n}{suffix}", sine, 8000, format=form, subtype=samples)
    for name in NAMES:
        soundfile.write(root / name, sine, 8000)
    (root / "empty.wav").write_bytes(b"")
    (root / "header.wav").write_bytes((root / "#1.wav").read_bytes()[:44])
    soundfile.write(root / "nan.wav", np.append(sine, np.nan), 8000, subtype="FLOAT")
    soundfile.write(root / "slow.wav", sine, 1)
    os.mkfifo(root / "pipe.wav")
    (root / "link.wav").symlink_to(root / "nowhere")
    (root / "loop").symlink_to(root)
    return len(FORMATS) + len(NAMES) + len(BROKEN) + len(OTHERS) + 3


def test_nothing_in_a_folder_of_odd_files_goes_unmentioned(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    assert odd_folder(tmp_path / "odd") >= 60
    done = cli("inspect", tmp_path / "odd", "--set", "audio.sample_rate=8000")
    assert done.code == 0, done.err
    assert f"files\t{len(FORMATS) + len(NAMES) + len(BROKEN)}, {len(BROKEN)} left out" in done.out
    for name, why in BROKEN.items():
        shown = name.encode(errors="replace").decode()
        [line] = [x for x in done.out.splitlines() if x.startswith(f"warning: left out {shown}: ")]
        assert why in line
    [others] = [x for x in done.out.splitlines() if x.startswith("other files\t")]
    assert sorted(others.partition("\t")[2].split(", ")) == [
        *("1 .db", "1 .jpg", "1 .pcm", "1 .pdf", "1 .raw", "1 .txt", "1 broken link"),
        *("1 file without suffix", "1 link to a folder seen before", "1 pipe", "3 hidden files"),
    ]


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
