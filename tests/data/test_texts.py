"""Transcripts of clips."""

import json
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


def test_a_lexicon_says_how_transcripts_are_read(tmp_path: Path, tiny_config: Config) -> None:
    lexicon = tmp_path / "names.json"
    for said in ("sept", "siete"):
        lexicon.write_text(json.dumps({"7": said, "note": f"another size for {said}"}))
        config = tiny_config.replace("data", lexicon=str(lexicon))
        units = open_dataset(DIGITS, config, tmp_path / "cache", f0=False).units
        assert units["7_jackson_12.wav"].words == (said,)


def test_what_transcripts_leave_out_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read = {"a": "one 🎉", "b": "two 日本語", "c": "привет"}
    units, empty = texts.read_units(read, "en-us", tmp_path)
    assert ([*units], empty) == (["a", "b"], ["c"])
    [message] = caplog.messages
    assert message.startswith("in transcripts: left out")
    assert all(part in message for part in ("🎉", "日本語", "привет"))
