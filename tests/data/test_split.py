"""Parts to train on, to validate on and to test on."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from helpers import Result

from wavegen.data.clip import Clip
from wavegen.data.split import split_clips


def test_the_split_is_disjoint_complete_stratified_and_stable() -> None:
    clips = [Clip(f"{s}{n}.wav", s) for s in "ab" for n in range(100)]
    split = split_clips(clips, 0.1, 0.05, 0)
    assert sorted(p for part in split.values() for p in part) == sorted(c.path for c in clips)
    assert Counter(p[0] for p in split["validation"]) == {"a": 10, "b": 10}
    assert Counter(p[0] for p in split["test"]) == {"a": 5, "b": 5}
    assert split == split_clips(clips[::-1], 0.1, 0.05, 0)
    assert split != split_clips(clips, 0.1, 0.05, 1)


def test_every_speaker_keeps_a_clip_to_train_on() -> None:
    clips = [Clip(f"{s}{n}.wav", s) for s in "ab" for n in range(2)]
    assert {p[0] for p in split_clips(clips, 0.5, 0.5, 0)["train"]} == {"a", "b"}


def test_small_sets_still_have_a_clip_to_validate_on() -> None:
    assert len(split_clips([Clip("a"), Clip("b")], 0.05, 0.05, 0)["validation"]) == 1
    assert split_clips([Clip("a")], 0.05, 0.05, 0)["train"] == ["a"]


def test_something_is_held_out_of_every_speaker_with_two_clips() -> None:
    counts = {"ann": 9, "bob": 2, "eve": 1}
    clips = [Clip(f"{s}{n}.wav", s) for s, count in counts.items() for n in range(count)]
    split = split_clips(clips, 0.05, 0.05, 0)
    assert sorted(p[:3] for p in split["validation"]) == ["ann", "bob"]
    assert {p[:3] for p in split["train"]} == {*counts}
    assert split_clips(clips, 0, 0, 0)["validation"] == []


def test_who_is_never_held_out_is_said(
    tmp_path: Path, tone: Callable[..., Path], cli: Callable[..., Result]
) -> None:
    for name in ("ann/1", "ann/2", "bob/1", "eve/1"):
        tone(tmp_path / f"{name}.wav")
    done = cli("inspect", tmp_path)
    assert "no clip is held out of 2 speakers with a single one: bob, eve" in done.out


def test_folds_part_the_clips_of_each_speaker() -> None:
    clips = [Clip(f"{s}/{i}.wav", s) for s in ("a", "b") for i in range(13)]
    parts = [split_clips(clips, 0.1, 0.05, 0, f"{k}/4") for k in range(1, 5)]
    held = [p for s in parts for p in s["test"]]
    assert sorted(held) == sorted(c.path for c in clips)
    for s in parts:
        assert sorted(p for part in s.values() for p in part) == sorted(held)
        assert len(s["validation"]) == 2
        assert {p[0] for p in s["test"]} == {"a", "b"}
    alone = split_clips([Clip("x.wav", "")], 0.5, 0.5, 0, "1/2")
    assert alone == {"train": ["x.wav"], "validation": [], "test": []}
