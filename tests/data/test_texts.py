"""Transcripts of clips."""

from pathlib import Path

import pytest
from helpers import DIGITS

from wavegen.config import Config
from wavegen.data import texts
from wavegen.data.dataset import open_dataset
from wavegen.speech.frontend import read_clip


def test_texts_are_read_once_and_kept(
    tmp_path: Path, tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_dataset(DIGITS, tiny_config, tmp_path, f0=False)
    assert len(first.units) == 60
    unit = first.units["7_jackson_12.wav"]
    assert unit == read_clip("7")

    def never(*args: object) -> None:
        raise AssertionError

    monkeypatch.setattr(texts, "read_clip", never)
    again = open_dataset(DIGITS, tiny_config, tmp_path, f0=False)
    assert dict(again.units) == dict(first.units)
    [file] = tmp_path.rglob("texts-*.txt")
    file.write_bytes(b"\xff")
    monkeypatch.undo()
    assert dict(open_dataset(DIGITS, tiny_config, tmp_path, f0=False).units) == dict(first.units)
    german = tiny_config.replace("data", language="de")
    other = open_dataset(DIGITS, german, tmp_path, f0=False).units["7_jackson_12.wav"]
    assert other.words == ("sieben",)
