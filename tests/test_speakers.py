"""Who speaks: speakers, mixes and paths, as they are written."""

import numpy as np
import pytest

from wavegen.errors import WavegenError
from wavegen.request import Request
from wavegen.speakers import SpeakerPath, UnknownSpeakerError, find_speakers

NAMES = ("anne", "joe", "kathleen", "odd:1", "odd,name", "7")


def who(speaker: object = None, path: object = None) -> SpeakerPath:
    """As a request has it, wherever it comes from."""
    request = Request(speaker=speaker, speaker_path=path)  # type: ignore[arg-type]
    return find_speakers(NAMES, request.speaker, request.speaker_path)


@pytest.mark.parametrize(
    "same",
    [
        "kathleen:0.7,anne:0.3",
        " anne:3 , kathleen:7",
        "2:0.35,0:0.15",
        "kathleen:0.7,anne:0.3,joe:0",
        {"kathleen": 0.7, "anne": 0.3},
        {2: np.float32(7), "anne": "3"},
    ],
)
def test_a_mix_is_the_same_however_it_is_written(same: object) -> None:
    mix = who(same)
    assert mix == who("kathleen:0.7,anne:0.3")
    assert mix.label == mix.key == "anne:0.3,kathleen:0.7"
    assert mix.weights(6) == pytest.approx(np.array([[0.3, 0, 0.7, 0, 0, 0]]))
    assert not mix.glides


@pytest.mark.parametrize("one", ["joe", "1", 1, "joe:0.2", {"joe": 3}, "joe:1,anne:0"])
def test_one_speaker_with_all_the_weight_is_the_plain_speaker(one: object) -> None:
    assert who(one) == who("joe")
    assert (who(one).label, who(one).key) == ("joe", 1)
    assert who(one).weights(6).tolist() == [[0, 1, 0, 0, 0, 0]]


def test_a_name_wins_over_an_id_and_over_a_mix() -> None:
    assert [who(n).key for n in ("7", "odd:1", "odd,name", None)] == [5, 3, 4, 0]
    assert who("odd:1:0.5,4:0.5").points == (((3, 0.5), (4, 0.5)),)
    assert find_speakers(()) == SpeakerPath((((0, 1.0),),), "")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("anne,joe:1", "'anne' has no weight"),
        ("anne:-1,joe:2", "weight of 'anne' must be a number from 0"),
        ("anne:nan,joe:2", "weight of 'anne' must be a number from 0"),
        ({"anne": float("inf")}, "weight of 'anne' must be a number from 0"),
        ("anne:loud", "weight of 'anne' must be a number from 0"),
        ("anne:0,joe:0", "the weights must have a sum above 0"),
        ("anne:1e308,joe:1e308", "the weights must have a sum above 0"),
        ("anne:1,joe:1,0:1", "'anne' is in it twice"),
        ({"odd,name": 1}, "give 'odd,name' by id"),
        ({"anne": None}, "weight of 'anne' must be a number"),
        ({}, "names no speaker"),
        (["anne"], "must be a string"),
    ],
)
def test_what_is_wrong_with_a_mix_is_told_in_one_line(wrong: object, message: str) -> None:
    with pytest.raises(WavegenError, match=message) as raised:
        who(wrong)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("unknown", ["bob", "", "9", "bob:1,anne:1", {"bob": 1}])
def test_unknown_speakers_are_named(unknown: object) -> None:
    with pytest.raises(UnknownSpeakerError):
        who(unknown)


@pytest.mark.parametrize(
    "path", ["anne,joe,2", "anne > joe:1 > kathleen", ["anne", 1, {"kathleen": 1}]]
)
def test_a_path_glides_evenly_from_point_to_point(path: object) -> None:
    glide = who(None, path)
    assert glide.label == glide.key == "anne > joe > kathleen"
    weights = glide.weights(6, 5)[:, :3]
    assert weights.tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]]
    assert glide.weights(6, 3, 0.5, 1.0)[:, :3].tolist() == [[0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]]


def test_points_of_a_path_may_be_mixes() -> None:
    glide = who(None, [{"anne": 1, "joe": 1}, "kathleen"])
    assert glide == who(None, "anne:0.5,joe:0.5 > kathleen")
    assert glide.weights(6, 3)[1].tolist() == [0.25, 0.25, 0.5, 0, 0, 0]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("anne", "give two speakers or more"),
        ("anne:0.5,joe:0.5", "put > between points that are mixes"),
        (["anne"], "give two speakers or more"),
        ("anne,joe:1 > kathleen", "'anne' has no weight"),
        (["anne", None], "must be a string"),
    ],
)
def test_what_is_wrong_with_a_path_is_told_in_one_line(path: object, message: str) -> None:
    with pytest.raises(WavegenError, match=message):
        who(None, path)


def test_a_request_has_a_speaker_or_a_path() -> None:
    with pytest.raises(WavegenError, match="not both"):
        Request(speaker="anne", speaker_path="anne,joe")
