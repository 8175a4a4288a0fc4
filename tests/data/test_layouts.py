"""Where speakers and texts come from."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import DIGITS, make_files

from wavegen.config import Config, DataConfig, SpeakerConfig
from wavegen.data.clip import Clip
from wavegen.data.dataset import open_dataset
from wavegen.data.layouts import find_clips
from wavegen.errors import DataError, WavegenError

Tone = Callable[..., Path]


def clips_of(root: Path, layout: str = "auto") -> tuple[str, dict[str, Clip]]:
    found = find_clips(root, DataConfig(layout=layout))  # type: ignore[arg-type]
    assert len({c.path for c in found.clips}) == len(found.clips)
    return found.layout, {c.path: c for c in found.clips}


def test_ljspeech_rows_give_texts_and_the_normalised_one_wins(tmp_path: Path, tone: Tone) -> None:
    for n in ("a", "b", "c"):
        tone(tmp_path / "wavs" / f"{n}.wav")
    make_files(
        tmp_path, {"metadata.csv": '\ufeffa|"Dr. Jones\r\nb|No. 2|number two\r\nc.wav|see|\r\n'}
    )
    name, clips = clips_of(tmp_path)
    assert name == "ljspeech"
    assert {c.text for c in clips.values()} == {'"Dr. Jones', "number two", "see"}
    assert {c.speaker for c in clips.values()} == {""}


def test_ljspeech_lists_what_has_no_row_no_text_or_no_audio(tmp_path: Path, tone: Tone) -> None:
    for n in ("wavs/a.wav", "wavs/b.wav", "wavs/c.wav", "wavs/d.wav", "wavs/d.flac", "x.wav"):
        tone(tmp_path / n)
    make_files(tmp_path, {"metadata.csv": "b|\nc|one\nc|two\nd|fine\ngone|text\n"})
    _, clips = clips_of(tmp_path)
    assert clips["wavs/d.flac"].text == "fine"
    reasons = {p: c.problem or c.spare for p, c in clips.items() if not c.text}
    assert reasons == {
        "wavs/a.wav": "has no row in metadata.csv",
        "wavs/b.wav": "its row in metadata.csv has no text",
        "wavs/c.wav": "has rows of different texts in metadata.csv",
        "wavs/d.wav": "wavs/d.flac has the same id",
        "gone": "there is no such audio, though metadata.csv names it",
        "x.wav": "has no row in metadata.csv",
    }


@pytest.mark.parametrize(
    ("table", "part"),
    [
        (b"\xff\xfea", "metadata.csv is no text"),
        (b"caf\xe9\n", "metadata.csv has no rows"),
        (b"a,one\nb,two\n", "metadata.csv has no rows id|text"),
        (b"", "metadata.csv has no rows id|text"),
        (b"a|" + b"x" * 200_000, "metadata.csv is no table of rows id|text"),
    ],
)
def test_metadata_that_is_no_table_is_a_clear_error(
    tmp_path: Path, tone: Tone, table: bytes, part: str
) -> None:
    tone(tmp_path / "wavs" / "a.wav")
    make_files(tmp_path, {"metadata.csv": table})
    with pytest.raises(WavegenError, match=part.replace("|", r"\|")):
        clips_of(tmp_path)


def test_ljspeech_without_its_table_names_it(tmp_path: Path, tone: Tone) -> None:
    tone(tmp_path / "wavs" / "a.wav")
    with pytest.raises(DataError, match=r"can't read .*metadata\.csv"):
        clips_of(tmp_path, "ljspeech")


def test_vctk_takes_the_first_microphone_with_speaker_and_text(tmp_path: Path, tone: Tone) -> None:
    base = "wav48_silence_trimmed"
    for p in ("p225/p225_001_mic1", "p225/p225_001_mic2", "p226/p226_001_mic2", "p226/p226_002"):
        tone(tmp_path / base / f"{p}.flac")
    tone(tmp_path / "other.wav")
    make_files(tmp_path, {"txt/p225/p225_001.txt": "Please call\nStella.\n"})
    make_files(tmp_path, {"txt/p226/p226_001.txt": "Ask her."})
    name, clips = clips_of(tmp_path)
    assert name == "vctk"
    first = f"{base}/p225/p225_001_mic1.flac"
    assert clips == {
        first: Clip(first, "p225", "Please call Stella."),
        f"{base}/p225/p225_001_mic2.flac": Clip(
            f"{base}/p225/p225_001_mic2.flac", spare=f"{first} is the same utterance"
        ),
        f"{base}/p226/p226_001_mic2.flac": Clip(
            f"{base}/p226/p226_001_mic2.flac", "p226", "Ask her."
        ),
        f"{base}/p226/p226_002.flac": Clip(
            f"{base}/p226/p226_002.flac", "p226", "", "has no transcript txt/p226/p226_002.txt"
        ),
        "other.wav": Clip("other.wav", problem="is not of the form wav48…/SPEAKER/UTTERANCE"),
    }


def test_vctk_in_a_sub_folder_and_without_texts(tmp_path: Path) -> None:
    make_files(tmp_path, {"VCTK/wav48/p225/p225_001.wav": ""})
    clip = Clip("VCTK/wav48/p225/p225_001.wav", "p225")
    assert clips_of(tmp_path) == ("vctk", {clip.path: clip})
    make_files(tmp_path, {"VCTK/txt/p225/p225_001.txt": "Please."})
    assert clips_of(tmp_path) == ("vctk", {clip.path: replace(clip, text="Please.")})


def test_second_microphones_are_no_sign_of_a_wrong_folder(
    tmp_path: Path, tone: Tone, tiny_config: Config
) -> None:
    for n in (1, 2):
        tone(tmp_path / f"wav48/p225/p225_001_mic{n}.flac")
    make_files(tmp_path, {"txt/p225/p225_001.txt": "one"})
    dataset = open_dataset(tmp_path, tiny_config.replace("conditioning", features="none"))
    assert len(dataset.clips) == len(dataset.left_out) == 1


def test_one_of_two_microphones_is_used_in_every_layout(tmp_path: Path) -> None:
    takes = [f"wav48_silence_trimmed/p225/p225_00{n}_mic{m}.flac" for n in (1, 2) for m in (1, 2)]
    make_files(tmp_path, dict.fromkeys(takes, ""))
    for layout in ("flat", "folders", "pattern"):
        usual, spare = takes[::2], takes[1::2]
        clips = find_clips(tmp_path, DataConfig(layout, pattern="(?P<speaker>p.*)_.*_mic.")).clips
        assert [c.path for c in clips if not c.spare and not c.problem] == usual
        assert [c.path for c in clips if c.spare] == spare


LIBRISPEECH = {
    "LICENSE.TXT": "CC BY 4.0",
    "dev-clean/84/121123/84-121123-0000.flac": "",
    "dev-clean/84/121123/84-121123-0001.flac": "",
    "dev-clean/84/121123/84-121123-0002.flac": "",
    "dev-clean/84/121123/84-121123.trans.txt": "84-121123-0000 GO\n84-121123-0001 DO YOU SO\n",
    "dev-clean/85/1/85-1-0000.wav": "",
    "dev-clean/85/1/85-1-0000.normalized.txt": "He says: NATO.",
    "dev-clean/85/1/85-1-0000.original.txt": "He says: N.A.T.O.",
    "intro.flac": "",
}


def test_librispeech_and_libritts_tell_readers_and_texts(tmp_path: Path) -> None:
    make_files(tmp_path, LIBRISPEECH)
    found = find_clips(tmp_path, DataConfig())
    assert found.layout == "librispeech"
    assert {c.path.rpartition("/")[2]: (c.speaker, c.text or c.problem) for c in found.clips} == {
        "84-121123-0000.flac": ("84", "go"),
        "84-121123-0001.flac": ("84", "do you so"),
        "84-121123-0002.flac": ("84", "has no text in dev-clean/84/121123/*.trans.txt"),
        "85-1-0000.wav": ("85", "He says: NATO."),
        "intro.flac": ("", "is not of the form READER/CHAPTER/UTTERANCE"),
    }
    assert found.others == {".txt": 2}


def test_librispeech_below_a_reader_or_a_subset(tmp_path: Path) -> None:
    make_files(tmp_path, LIBRISPEECH)
    for root in (tmp_path / "dev-clean", tmp_path):
        assert find_clips(root, DataConfig()).layout == "librispeech"


def test_sidecar_reads_the_transcript_beside_each_clip(tmp_path: Path, tone: Tone) -> None:
    for n in "abcdef":
        tone(tmp_path / f"{n}.wav")
    make_files(tmp_path, {"a.txt": "one\r\n two", "a.lab": "other", "b.lab": "\ufeffthree"})
    make_files(tmp_path, {"c.txt": b"\xff\xfe", "d.txt": " \n", "readme.txt": "no clip"})
    name, clips = clips_of(tmp_path)
    assert name == "sidecar"
    assert [clips[f"{n}.wav"].text for n in "ab"] == ["one two", "three"]
    assert [clips[f"{n}.wav"].problem for n in "cde"] == [
        "its transcript c.txt is empty",
        "its transcript d.txt is empty",
        "has no transcript (.txt or .lab) beside it",
    ]
    assert {c.speaker for c in clips.values()} == {""}


def test_sidecar_speakers_are_sub_folders_where_all_audio_lies_in_some(
    tmp_path: Path, tone: Tone
) -> None:
    for p in ("ann/deep/1", "bob/2"):
        tone(tmp_path / f"{p}.wav")
        make_files(tmp_path, {f"{p}.txt": "words"})
    assert {c.speaker for c in clips_of(tmp_path)[1].values()} == {"ann", "bob"}


def test_a_few_texts_beside_clips_are_not_yet_a_layout(tmp_path: Path, tone: Tone) -> None:
    for n in "ab":
        tone(tmp_path / f"{n}.wav")
    make_files(tmp_path, {"a.txt": "words"})
    assert clips_of(tmp_path)[0] == "flat"


def test_fsdd_names_are_recognised_with_speaker_and_text() -> None:
    name, clips = clips_of(DIGITS)
    assert name == "pattern"
    assert len(clips) == 60
    assert clips["7_jackson_12.wav"] == Clip("7_jackson_12.wav", "jackson", "7")


def test_folders_are_speakers_at_any_depth(tmp_path: Path, tone: Callable[..., Path]) -> None:
    for p in ("ann/1.wav", "ann/deep/2.flac", "bob/1.ogg", ".hidden/x.wav"):
        tone(tmp_path / p)
    (tmp_path / "ann" / "notes.txt").write_text("no audio")
    name, clips = clips_of(tmp_path)
    assert name == "folders"
    assert [(c.path, c.speaker) for c in clips.values()] == [
        ("ann/1.wav", "ann"),
        ("ann/deep/2.flac", "ann"),
        ("bob/1.ogg", "bob"),
    ]
    assert {c.speaker for c in clips_of(tmp_path, "flat")[1].values()} == {""}


def test_linked_folders_are_followed_and_other_formats_are_listed(
    tmp_path: Path, tone: Callable[..., Path], tiny_config: Config
) -> None:
    root = tmp_path / "root"
    for n in range(9):
        tone(tmp_path / "elsewhere" / f"{n}.wav")
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(root)
    (root / "song.m4a").write_bytes(b"no song")
    dataset = open_dataset(root, tiny_config)
    assert len(dataset.clips) == 9
    assert [(p, "song.m4a" in why) for p, why in dataset.left_out] == [("song.m4a", True)]


def test_clips_without_a_speaker_among_others_are_left_out(
    tmp_path: Path, tone: Callable[..., Path], tiny_config: Config
) -> None:
    for name in [*(f"bob_{n}" for n in range(12)), "7"]:
        tone(tmp_path / f"{name}.wav")
    config = tiny_config.replace("data", pattern=r"((?P<speaker>[a-z]+)_)?\d+")
    assert open_dataset(tmp_path, config).left_out == [
        ("7.wav", "has no speaker, though others have")
    ]


def test_files_a_layout_cannot_place_are_left_out_with_a_reason(
    tmp_path: Path, tone: Callable[..., Path], tiny_config: Config
) -> None:
    for n in range(12):
        tone(tmp_path / f"ann_{n}.wav")
    tone(tmp_path / "other.wav")
    config = tiny_config.replace("data", pattern=r"(?P<speaker>[a-z]+)_\d+")
    dataset = open_dataset(tmp_path, config)
    assert dataset.speakers == ("ann",)
    assert dataset.left_out == [("other.wav", "its name does not match data.pattern")]


def test_a_collection_holds_data_sets_of_any_layout(tmp_path: Path, tone: Tone) -> None:
    for path in ("anne/wavs/a.wav", "read/7/1/7-1-0.wav", "read/8/2/8-2-0.wav", "loose.wav"):
        tone(tmp_path / path)
    make_files(
        tmp_path,
        {
            "anne/metadata.csv": "a|Hello, you.\n",
            "read/7/1/7-1.trans.txt": "7-1-0 ONE\n",
            "read/8/2/8-2.trans.txt": "8-2-0 TWO\n",
        },
    )
    listed = (SpeakerConfig("8", "helen"), SpeakerConfig("9"))
    found = find_clips(tmp_path, DataConfig(layout="collection", speaker=listed))
    clips = {c.path: c for c in found.clips}
    assert {p: (c.speaker, c.text) for p, c in clips.items() if not c.problem} == {
        "anne/wavs/a.wav": ("anne", "Hello, you."),
        "read/7/1/7-1-0.wav": ("7", "one"),
        "read/8/2/8-2-0.wav": ("helen", "two"),
    }
    assert clips["loose.wav"].problem == "lies in no data set's folder"
    assert found.notes == ["data.speaker names 9, of whom there are no clips"]
    assert found.others == {}
