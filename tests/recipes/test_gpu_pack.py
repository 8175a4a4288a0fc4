"""A packed data set is trained on elsewhere without being analysed again."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest
from gpu_pack import pack
from helpers import DIGITS, write_recipe

from wavegen.data import tracks
from wavegen.data.dataset import open_dataset
from wavegen.recipe import read_config


def test_nothing_is_analysed_where_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, work = tmp_path / "audio", tmp_path / "work"
    audio.mkdir()
    for path in sorted(DIGITS.glob("[01]_jackson_*.wav")):
        shutil.copy(path, audio)
    (audio / "2_jackson_9.wav").write_text("no audio")
    recipe = write_recipe(tmp_path / "tiny.toml")
    config = read_config(recipe)
    monkeypatch.setattr("wavegen.data.dataset.BAD_SHARE", 1.0)
    size = pack("mine", str(recipe), audio, tmp_path / "mine.tar", work)
    assert size == (tmp_path / "mine.tar").stat().st_size
    shutil.rmtree(work)
    with tarfile.open(tmp_path / "mine.tar") as archive:
        archive.extractall(work, filter="data")
    monkeypatch.setattr(tracks, "pitch", lambda *a: pytest.fail("F0 found again"))
    dataset = open_dataset(work / "data" / "mine", config, work / "cache")
    assert sorted(dataset.clips) == ["0_jackson_5.wav", "1_jackson_6.wav"]
    assert not dataset.left_out
