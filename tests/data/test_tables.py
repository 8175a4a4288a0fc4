"""Folders with tables of metadata."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import make_files

from wavegen.config import DataConfig
from wavegen.data.layouts import Found, find_clips
from wavegen.errors import DataError

Tone = Callable[..., Path]


def found(root: Path, audio: str, tables: dict[str, str], layout: str = "auto") -> Found:
    """The clips of a folder with these audio files, which are empty, and these tables."""
    make_files(root, dict.fromkeys(audio.split(), "") | tables)
    return find_clips(root, DataConfig(layout=layout))  # type: ignore[arg-type]


def told(f: Found) -> dict[str, str]:
    """``SPEAKER: TEXT`` of each usable clip, and the problem of others."""
    return {c.path: c.problem or c.spare or f"{c.speaker}: {c.text}" for c in f.clips}


BOTH = {"a.wav": "ann: hi", "b.wav": "ann: yes"}


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("metadata.csv", "a|ann|hi\nb|ann|yes\n"),
        ("metadata.csv", "file_name,speaker,text\na.wav,ann,hi\nb.wav,ann,yes\n"),
        ("metadata.txt", "a|ann|hi\nb|ann|yes\n"),
        ("meta_data.tsv", "path\tspeaker\tsentence\na.wav\tann\thi\nb.wav\tann\tyes\n"),
        ("Metadata.CSV", "a|ann|hi\nb|ann|yes\n"),
        ("train.txt", "a.wav|ann|hi\nb.wav|ann|yes\n"),
        ("vctk_audio_sid_text_train_filelist.txt", "DUMMY/a.wav|ann|hi\nDUMMY/b.wav|ann|yes\n"),
        ("train_manifest.json", '{"audio_filepath": "/x/y/a.wav", "text": "hi", "speaker": "ann"}\n'
         '{"audio_filepath": "/x/y/b.wav", "text": "yes", "speaker": "ann"}\n'),
        ("transcript.v.1.txt", "x/a.wav|ann|hi\nx/b.wav|ann|yes\n"),
        ("corpus.csv", "file,speaker,text\na.wav,ann,hi\nb.wav,ann,yes\n"),
        ("lists/train.txt", "a.wav|ann|hi\nb.wav|ann|yes\n"),
        ("train.txt", "C:\\voice\\a.wav|ann|hi\nC:\\voice\\b.wav|ann|yes\n"),
    ],
)  # fmt: skip
def test_a_table_of_any_name_and_form_beside_the_audio_is_used(
    tmp_path: Path, name: str, table: str
) -> None:
    f = found(tmp_path, "a.wav b.wav", {name: table})
    assert (f.layout, told(f), f.notes) == ("table", BOTH, [])


def test_metadata_with_speakers_above_wavs(tmp_path: Path) -> None:
    f = found(tmp_path, "wavs/a.wav wavs/b.wav", {"metadata.csv": "a|ann|hi\nb|ann|yes\n"})
    assert f.layout == "ljspeech"
    assert told(f) == {f"wavs/{name}": what for name, what in BOTH.items()}


def test_lists_to_train_and_to_validate_on_are_joined(tmp_path: Path) -> None:
    lists = {"train.txt": "wavs/a.wav|hi\nwavs/b.wav|yes", "val.txt": "wavs/c.wav|no\n"}
    f = found(tmp_path, "wavs/a.wav wavs/b.wav wavs/c.wav", lists)
    assert told(f) == {"wavs/a.wav": ": hi", "wavs/b.wav": ": yes", "wavs/c.wav": ": no"}


def test_common_voice_takes_what_was_validated(tmp_path: Path) -> None:
    head = "client_id\tpath\tsentence\n"
    tables = {
        "validated.tsv": f"{head}x\t1.mp3\thi\ny\t2.mp3\tyes\n",
        "train.tsv": f"{head}x\t1.mp3\thi\n",
        "invalidated.tsv": f"{head}x\t3.mp3\tnoise\n",
    }
    f = found(tmp_path, "clips/1.mp3 clips/2.mp3 clips/3.mp3", tables)
    assert told(f) == {
        "clips/1.mp3": "x: hi",
        "clips/2.mp3": "y: yes",
        "clips/3.mp3": "has no row in validated.tsv",
    }
    assert f.notes == ["train.tsv is not used"]
    assert f.others == {".tsv": 2}


def test_a_table_in_each_speakers_folder(tmp_path: Path) -> None:
    tables = {"ann/metadata.csv": "1|hi\n2|yes\n", "bob/metadata.csv": "1|no\n"}
    f = found(tmp_path, "ann/wavs/1.wav ann/wavs/2.wav bob/wavs/1.wav", tables)
    assert told(f) == {
        "ann/wavs/1.wav": "ann: hi",
        "ann/wavs/2.wav": "ann: yes",
        "bob/wavs/1.wav": "bob: no",
    }


def test_names_in_other_spellings_are_the_same(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "é.wav") for form in ("NFC", "NFD"))
    table = f"wavs/{composed}|hi\n{tmp_path}/wavs/b.flac|yes\nc.WAV|no\n./wavs/d.2|so\n"
    audio = [f"wavs/{n}" for n in (apart, "b.flac", "c.wav", "d.2.MP3")]
    f = found(tmp_path, " ".join(audio), {"metadata.csv": table})
    assert sorted(told(f).values()) == [": hi", ": no", ": so", ": yes"]
    other = tmp_path / "other"
    texts = {unicodedata.normalize("NFC", "é.TXT"): "hi", "b.Lab": "yes"}
    f = found(other, unicodedata.normalize("NFD", "é.WAV") + " b.wav", texts)
    assert f.layout == "sidecar"
    assert sorted(told(f).values()) == [": hi", ": yes"]


def test_a_row_takes_no_other_speakers_file_of_its_name(tmp_path: Path) -> None:
    table = "ann/1.wav|hi\nann/2.wav|yes\nbob/1.wav|no\nbob/3.wav|gone\n2.wav|so\n1.wav|which\n"
    audio = "in/ann/1.wav in/ann/2.wav in/ann/3.wav in/bob/1.wav"
    assert told(found(tmp_path, audio, {"metadata.csv": table})) == {
        "1": "is the name of several files (in/ann/1.wav, in/bob/1.wav), though metadata.csv has "
        "one",
        "bob/3": "there is no such audio, though metadata.csv names it",
        "in/ann/1.wav": ": hi",
        "in/ann/2.wav": "has rows of different texts in metadata.csv",
        "in/ann/3.wav": "has no row in metadata.csv",
        "in/bob/1.wav": ": no",
    }


def test_the_format_that_a_row_names_is_the_one_used(tmp_path: Path) -> None:
    table = json.dumps({"audio": "a.wav", "text": "hi", "speaker": "ann"})
    f = found(tmp_path, "a.flac a.wav", {"metadata.jsonl": table})
    assert told(f) == {"a.flac": "a.wav has the same id", "a.wav": "ann: hi"}


def test_a_table_that_is_not_used_is_named(tmp_path: Path) -> None:
    tables = {"metadata.csv": "x|hi\ny|yes\n", "train.txt": "lines of\nprose\n", "notes.csv": "1"}
    f = found(tmp_path, "a.wav b.wav", tables)
    assert f.layout == "flat"
    assert f.notes == [
        "metadata.csv is not used: it names 0 of 2 audio files",
        "train.txt is not used: has no rows id|text (--layout flat takes the audio without texts)",
    ]
    assert f.others == {".csv": 2, ".txt": 1}


def test_layout_table_without_a_table_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no table of metadata .* such as metadata\.csv"):
        found(tmp_path, "a.wav", {}, "table")
