"""Lists of voices and of their speakers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Result, one_clear_line
from safetensors.torch import load_file, save_file

from wavegen.assembly import untrained
from wavegen.config import Config
from wavegen.library import bundled, read_about


@pytest.fixture
def described(tmp_path: Path, tiny_config: Config) -> Path:
    """The file of a voice of which two speakers are described and a third one is not."""
    path = tmp_path / "described.safetensors"
    config = tiny_config.replace("conditioning", features="none")
    untrained(config, ("ann", "bo b", "c"), ()).save(path)
    about = read_about(path)
    about["config"]["data"]["speaker"] = [
        {"id": "17", "name": "ann", "sex": "female", "description": "calm, a little hoarse"},
        {"id": "bo b", "licence": "CC0 1.0", "attribution": "Bo himself"},
    ]
    about["training"] = {"licence": "CC BY 4.0", "speaker_minutes": {"ann": 12.345, "c": 3}}
    save_file(load_file(path), path, {"wavegen": json.dumps(about)})
    return path


def test_speakers_are_listed_with_all_that_the_voice_file_tells(
    cli: Callable[..., Result], described: Path
) -> None:
    shown = cli("synth", "--list-speakers", "--voice", described).out
    assert [line.split("\t") for line in shown.splitlines()] == [
        ["id", "speaker", "sex", "minutes", "licence", "description"],
        ["0", "ann", "female", "12.3", "CC BY 4.0", "calm, a little hoarse"],
        ["1", "bo b", "-", "-", "CC0 1.0", "-"],
        ["2", "c", "-", "3.0", "CC BY 4.0", "-"],
    ]
    rows = json.loads(cli("synth", "--list-speakers", "--json", "--voice", described).out)
    assert rows[1] == {
        "voice": str(described),
        "id": 1,
        "name": "bo b",
        "sex": None,
        "minutes": None,
        "licence": "CC0 1.0",
        "description": None,
        "attribution": "Bo himself",
    }
    one_clear_line(cli("synth", "one", "--json"), "--json goes with --list-speakers")


def test_speakers_of_an_odd_file_are_an_error(cli: Callable[..., Result], described: Path) -> None:
    about = read_about(described)
    odd = {"config": {"data": {"speaker": [{"id": 3}]}}, "training": {"speaker_minutes": 5}}
    for field, value in odd.items():
        text = json.dumps(about | {field: value})
        save_file(load_file(described), described, {"wavegen": text})
        one_clear_line(cli("synth", "--list-speakers", "--voice", described), "no voice this")


def test_voices_are_listed_with_their_speakers(cli: Callable[..., Result]) -> None:
    rows = json.loads(cli("voices", "--json").out)
    assert [row["name"] for row in rows] == [*bundled()]
    [digits] = [row for row in rows if row["name"] == "digits"]
    assert [s["name"] for s in digits["speakers"]][3] == "nicolas"
    assert digits["speakers"][3]["licence"] == digits["licence"] == "CC BY-SA 4.0"
    assert (digits["sample_rate"], digits["bytes"]) == (8000, bundled()["digits"].stat().st_size)
    assert "3\tnicolas\tdigits" in cli("voices").out


def test_a_voice_is_told_as_json(cli: Callable[..., Result], described: Path) -> None:
    told = json.loads(cli("info", described, "--json").out)
    assert [s["name"] for s in told["speakers"]] == ["ann", "bo b", "c"]
    assert (told["sample_rate"], told["words"]) == (8000, [])
    assert told["config"]["audio"]["sample_rate"] == 8000
