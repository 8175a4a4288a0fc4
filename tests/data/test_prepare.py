"""The cache is whole at any moment and goes on where it was stopped; `prepare` and `inspect`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import DIGITS, Result

from wavegen.audio.reading import read_audio
from wavegen.config import DataConfig
from wavegen.data import index
from wavegen.data import prepare as prepare_module
from wavegen.data.layouts import find_clips
from wavegen.data.prepare import clear, prepare
from wavegen.errors import DataError

KILLED = """
import os, signal, sys
from pathlib import Path
from wavegen.config import DataConfig
from wavegen.data import prepare
from wavegen.data.layouts import find_clips

def progress(done, total):
    if done == 20:
        os.kill(os.getpid(), signal.SIGKILL)

prepare.COMMIT_SECONDS = 0.0
prepare.COMMIT_SHARE = 1e9
root, cache = map(Path, sys.argv[1:])
prepare.prepare(root, find_clips(root, DataConfig())[1], 8000, cache=cache, progress=progress)
"""


def test_what_was_killed_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    real = prepare_module._decode_one

    def spy(root: Path, path: str, *rest: object) -> object:
        decoded.append(path)
        return real(root, path, *rest)  # type: ignore[arg-type]

    done = subprocess.run([sys.executable, "-c", KILLED, DIGITS, tmp_path], check=False)
    assert done.returncode == -9
    monkeypatch.setattr(prepare_module, "_decode_one", spy)
    clips = find_clips(DIGITS, DataConfig())[1]
    data = prepare(DIGITS, clips, 8000, cache=tmp_path)
    assert len(decoded) == 60 - 19  # the last one was not yet written into the index
    for c in clips:
        want = read_audio(DIGITS / c.path, 8000).audio
        assert np.abs(data.audio(c.path, 0, len(want)) - want).max() <= 1 / 32767


def test_an_interrupt_keeps_what_is_decoded(tmp_path: Path) -> None:
    clips = find_clips(DIGITS, DataConfig())[1]

    def interrupt(done: int, total: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(DIGITS, clips, 8000, cache=tmp_path, progress=interrupt)
    left: list[int] = []
    prepare(DIGITS, clips, 8000, cache=tmp_path, progress=lambda done, total: left.append(total))
    assert left == [53] * 53


def test_a_cache_of_files_that_mostly_changed_is_made_small_again(
    tmp_path: Path, tone: Callable[..., Path]
) -> None:
    root, cache = tmp_path / "audio", tmp_path / "cache"
    for seconds in (0.5, 0.6, 0.7):
        for n in range(3):
            tone(root / f"{n}.wav", seconds=seconds)
        tone(root / "same.wav", seconds=0.2)
        data = prepare(root, find_clips(root, DataConfig())[1], 8000, cache=cache)
    [file] = cache.rglob("*.i16")
    assert file.stat().st_size <= 2 * 8000 * (3 * 0.6 + 3 * 0.7 + 2 * 0.2)
    want = read_audio(root / "same.wav", 8000).audio
    assert np.abs(data.audio("same.wav", 0, 1600) - want).max() < 1e-4


def test_the_index_keeps_every_field(tmp_path: Path) -> None:
    entries = [
        index.Entry("a b/ç.wav", 5, 6, 0, 3, "00ff", 44100, 2, "WAV/PCM_16", 1, 0.25, 0.1, 0.5),
        index.Entry("bad.wav", 1, 2, problem="can't read \0 it"),
    ]
    (tmp_path / "x.i16").write_bytes(b"123456")
    for rows in ([], entries):
        index.write(tmp_path, index.Index("x.i16", 3, {e.path: e for e in rows}))
        got = index.read(tmp_path)
        assert (got.file, got.end) == ("x.i16", 3)
        want = [e._replace(problem=e.problem.replace("\0", " ")) for e in rows]
        assert list(got.entries.values()) == want


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


def test_a_cache_that_is_being_written_is_not_cleared(tmp_path: Path) -> None:
    prepare(DIGITS, find_clips(DIGITS, DataConfig())[1], 8000, cache=tmp_path)
    [folder] = index.folders(tmp_path)
    with index.lock(folder), pytest.raises(DataError, match="by another process"):
        clear(tmp_path)
    assert (folder / index.FILE).exists()


def test_prepare_shows_what_training_will_see(cli: Callable[..., Result], tmp_path: Path) -> None:
    done = cli("prepare", DIGITS, "--recipe", "digits", "--cache-dir", tmp_path)
    assert done.code == 0, done.err
    for part in ("layout pattern", "60, 0 left out", "6: george", "10 different words"):
        assert part in done.err


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
