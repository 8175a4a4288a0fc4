"""The cache is complete at any moment, and an interrupted run continues."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import DIGITS

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
prepare.prepare(root, find_clips(root, DataConfig()).clips, 8000, cache=cache, progress=progress)
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
    clips = find_clips(DIGITS, DataConfig()).clips
    data = prepare(DIGITS, clips, 8000, cache=tmp_path)
    assert len(decoded) == 60 - 19  # the last one was not yet written into the index
    for c in clips:
        want = read_audio(DIGITS / c.path, 8000).audio
        assert np.abs(data.audio(c.path, 0, len(want)) - want).max() <= 1 / 32767


def test_an_interrupt_keeps_what_is_decoded(tmp_path: Path) -> None:
    clips = find_clips(DIGITS, DataConfig()).clips

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
        data = prepare(root, find_clips(root, DataConfig()).clips, 8000, cache=cache)
    [file] = cache.rglob("*.i16")
    assert file.stat().st_size <= 2 * 8000 * (3 * 0.6 + 3 * 0.7 + 2 * 0.2)
    want = read_audio(root / "same.wav", 8000).audio
    assert np.abs(data.audio("same.wav", 0, 1600) - want).max() < 1e-4


def test_a_cache_that_is_being_written_is_not_cleared(tmp_path: Path) -> None:
    prepare(DIGITS, find_clips(DIGITS, DataConfig()).clips, 8000, cache=tmp_path)
    [folder] = index.folders(tmp_path)
    with index.lock(folder), pytest.raises(DataError, match="by another process"):
        clear(tmp_path)
    assert (folder / index.FILE).exists()


def test_prepared_audio_is_that_of_the_files(tmp_path: Path) -> None:
    clips = find_clips(DIGITS, DataConfig()).clips
    data = prepare(DIGITS, clips, 8000, cache=tmp_path)
    for c in clips[::7]:
        want = read_audio(DIGITS / c.path, 8000).audio
        got = data.audio(c.path, 0, len(want))
        assert data.entries[c.path].samples == len(want)
        assert np.abs(got - want).max() <= 1 / 32767
        assert np.array_equal(data.audio(c.path, 10, 20), got[10:20])


def test_only_what_changed_is_decoded_again(
    tmp_path: Path, tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = tmp_path / "audio", tmp_path / "cache"
    for n in range(5):
        tone(root / f"{n}.wav", seconds=0.1 + n / 100)
    decoded: list[str] = []
    real = prepare_module._decode_one

    def spy(root: Path, path: str, *rest: object) -> object:
        decoded.append(path)
        return real(root, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(prepare_module, "_decode_one", spy)

    def run(rate: int = 8000) -> prepare_module.Prepared:
        decoded.clear()
        return prepare(root, find_clips(root, DataConfig()).clips, rate, cache=cache)

    first = run()
    assert sorted(decoded) == [f"{n}.wav" for n in range(5)]
    run()
    assert decoded == []
    tone(root / "3.wav", seconds=0.3)
    (root / "0.wav").unlink()
    tone(root / "new.wav")
    second = run()
    assert sorted(decoded) == ["3.wav", "new.wav"]
    assert second.entries["3.wav"].samples == 2400
    assert second.entries["2.wav"].sha256 == first.entries["2.wav"].sha256
    assert np.array_equal(second.audio("2.wav", 0, 900), first.audio("2.wav", 0, 900))
    run(16000)
    assert len(decoded) == 5  # other settings, another cache


def test_a_broken_cache_is_made_anew(tmp_path: Path) -> None:
    clips = find_clips(DIGITS, DataConfig()).clips
    prepare(DIGITS, clips, 8000, cache=tmp_path)
    [samples] = tmp_path.rglob("*.i16")
    os.truncate(samples, 100)
    data = prepare(DIGITS, clips, 8000, cache=tmp_path)
    assert np.abs(data.audio(clips[-1].path, 0, 1000)).max() > 0
    assert len(list(tmp_path.rglob("*.i16"))) == 1


def test_a_cache_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="can't write the cache"):
        prepare(DIGITS, find_clips(DIGITS, DataConfig()).clips, 8000, cache=tmp_path / "file")


def test_padding_follows_each_recording(tmp_path: Path) -> None:
    clips = find_clips(DIGITS, DataConfig()).clips[:3]
    plain = prepare(DIGITS, clips, 8000, cache=tmp_path)
    longer = prepare(DIGITS, clips, 8000, padding=0.1, cache=tmp_path)
    for c in clips:
        count = plain.entries[c.path].samples
        assert longer.entries[c.path].samples == count + 800
        audio = longer.audio(c.path, 0, count + 800)
        assert np.array_equal(audio[:count], plain.audio(c.path, 0, count))
        assert not audio[count:].any()
