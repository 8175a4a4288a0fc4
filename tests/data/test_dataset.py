"""Layouts, the prepared cache, the split and the training windows."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import DIGITS

from wavegen.audio import mulaw
from wavegen.audio.linear_prediction import predictor
from wavegen.audio.reading import read_audio
from wavegen.config import Config, DataConfig
from wavegen.data import prepare as prepare_module
from wavegen.data import texts
from wavegen.data.dataset import open_dataset
from wavegen.data.layouts import Clip, find_clips
from wavegen.data.prepare import prepare
from wavegen.data.split import split_clips
from wavegen.data.windows import TrainingClip, Windows
from wavegen.errors import DataError
from wavegen.speech.frontend import read_clip
from wavegen.training.checkpoint import recorded_split, write_run


def test_fsdd_names_are_recognised_with_speaker_and_text() -> None:
    name, clips = find_clips(DIGITS, DataConfig())
    assert name == "pattern"
    assert len(clips) == 60
    assert Clip("7_jackson_12.wav", "jackson", "7") in clips


def test_folders_are_speakers_at_any_depth(tmp_path: Path, tone: Callable[..., Path]) -> None:
    for p in ("ann/1.wav", "ann/deep/2.flac", "bob/1.ogg", ".hidden/x.wav"):
        tone(tmp_path / p)
    (tmp_path / "ann" / "notes.txt").write_text("no audio")
    name, clips = find_clips(tmp_path, DataConfig())
    assert name == "folders"
    assert [(c.path, c.speaker) for c in clips] == [
        ("ann/1.wav", "ann"),
        ("ann/deep/2.flac", "ann"),
        ("bob/1.ogg", "bob"),
    ]
    assert find_clips(tmp_path, DataConfig(layout="flat"))[1][0].speaker == ""


def test_linked_folders_are_followed_and_other_formats_are_listed(
    tmp_path: Path, tone: Callable[..., Path], tiny_config: Config
) -> None:
    root = tmp_path / "root"
    for n in range(9):
        tone(tmp_path / "elsewhere" / f"{n}.wav")
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(root)
    (root / "song.m4a").touch()
    dataset = open_dataset(root, tiny_config)
    assert len(dataset.clips) == 9
    assert [(p, "convert it" in why) for p, why in dataset.left_out] == [("song.m4a", True)]


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


def test_prepared_audio_is_that_of_the_files(tmp_path: Path) -> None:
    _, clips = find_clips(DIGITS, DataConfig())
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
        return prepare(root, find_clips(root, DataConfig())[1], rate, cache=cache)

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
    _, clips = find_clips(DIGITS, DataConfig())
    prepare(DIGITS, clips, 8000, cache=tmp_path)
    [samples] = tmp_path.rglob("*.i16")
    os.truncate(samples, 100)
    data = prepare(DIGITS, clips, 8000, cache=tmp_path)
    assert np.abs(data.audio(clips[-1].path, 0, 1000)).max() > 0
    assert len(list(tmp_path.rglob("*.i16"))) == 1


def test_too_many_unusable_files_stop_unless_allowed(
    tmp_path: Path, tone: Callable[..., Path], tiny_config: Config
) -> None:
    for n in range(8):
        tone(tmp_path / f"{n}.wav")
    (tmp_path / "bad.wav").write_text("this is no audio")
    with pytest.raises(DataError, match=r"1 of 9 .*bad\.wav.*--allow-bad"):
        open_dataset(tmp_path, tiny_config)
    dataset = open_dataset(tmp_path, tiny_config, allow_bad=True)
    assert len(dataset.clips) == 8
    assert dataset.left_out[0][0] == "bad.wav"


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


def ramp_windows(lengths: list[int], config: Config) -> Windows:
    """Clips whose samples say which clip and which sample they are."""

    def clip(i: int, n: int) -> TrainingClip:
        codes = (torch.arange(n) + 37 * i) % 100
        audio = mulaw.decode(codes)
        return TrainingClip(
            n,
            i % 2,
            lambda a, b: audio[a:b],
            lambda predicted: torch.full((1, -(-n // 80)), i + 1.0),
        )

    clips = [clip(i, n) for i, n in enumerate(lengths)]
    return Windows(clips, config, torch.zeros(1, 1))


def test_every_sample_counts_once_an_epoch_with_its_true_past(tiny_config: Config) -> None:
    lengths = [5000, 33, 800, 4000, 801, 12000, 2400]
    windows = ramp_windows(lengths, tiny_config)
    counted = [torch.zeros(n) for n in lengths]
    for group in windows.epoch(3):
        batch = windows.batch(group)
        for row, w in enumerate(group):
            low = max(0, w.begin - windows.past) * 80
            for i, first in w.utterance:
                at = torch.arange(lengths[i]) + first * 80 - low
                inside = (at >= 0) & (at < (w.end * 80 - low))
                at = at[inside]
                want = ((torch.arange(lengths[i]) + 37 * i) % 100)[inside]
                assert torch.equal(batch.codes[row, at], want)
                counted[i][inside] += batch.speech[row, at].float()
                assert batch.local is not None
                assert (batch.local[row, 0, at // 80] == i + 1).all()
            if low:
                assert batch.before[row] != mulaw.LEVELS
            else:
                assert batch.before[row] == mulaw.LEVELS
    for c in counted:
        assert (c == 1).all()


def test_the_code_before_a_cut_is_the_sample_before_it(tiny_config: Config) -> None:
    windows = ramp_windows([40000], tiny_config.replace("data", join=1))
    cut = next(w for g in windows.epoch(0) for w in g if w.begin > windows.past)
    batch = windows.batch([cut])
    assert batch.before[0] == ((cut.begin - windows.past) * 80 - 1) % 100


def test_epochs_are_reproducible_and_differ(tiny_config: Config) -> None:
    a, b = (ramp_windows([2000] * 20, tiny_config) for _ in range(2))
    assert a.epoch(5) == b.epoch(5)
    assert a.epoch(5) != a.epoch(6)


def test_blanks_are_faint_or_loud_uncounted_and_leave_the_rest_alone(tiny_config: Config) -> None:
    lengths = [5000, 4000, 12000] * 3
    plain = ramp_windows(lengths, tiny_config)
    blanked = ramp_windows(lengths, tiny_config.replace("train", blank=1.0))
    change = []
    for group in blanked.epoch(0):
        a, b = blanked.batch(group), plain.batch([replace(w, blank=None) for w in group])
        assert torch.equal(a.codes, blanked.batch(group).codes)
        assert a.counted.sum() == sum(map(blanked.counted, group))
        off = b.counted & ~a.counted
        assert torch.equal(a.codes[~off], b.codes[~off])
        assert not (a.counted & ~b.counted).any()
        if off.any():
            before, now = (mulaw.decode(x.codes[off]).square().mean() for x in (b, a))
            change.append(float(now / before))
    assert min(change) < 0.3
    assert max(change) > 1.5


def test_joined_clips_are_of_one_speaker(tiny_config: Config) -> None:
    windows = ramp_windows([2000] * 20, tiny_config.replace("data", join=4))
    joined = [w.utterance for g in windows.epoch(0) for w in g]
    assert max(len(u) for u in joined) > 1
    assert all(len({i % 2 for i, _ in u}) == 1 for u in joined)


def test_a_cache_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="can't write the cache"):
        prepare(DIGITS, find_clips(DIGITS, DataConfig())[1], 8000, cache=tmp_path / "file")


def test_the_content_hash_follows_the_contents(tmp_path: Path, tiny_config: Config) -> None:
    shutil.copytree(DIGITS, tmp_path / "copy")
    a = open_dataset(DIGITS, tiny_config)
    b = open_dataset(tmp_path / "copy", tiny_config)
    assert a.content_hash() == b.content_hash()
    (tmp_path / "copy" / "0_george_5.wav").unlink()
    assert open_dataset(tmp_path / "copy", tiny_config).content_hash() != a.content_hash()


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


def test_misfits_are_recorded_apart_and_come_back_on_resuming(
    tmp_path: Path, tiny_config: Config
) -> None:
    whole = open_dataset(DIGITS, tiny_config, tmp_path, f0=False)
    assert whole.leaving_out([]).split == whole.split
    wrong = whole.split["train"][3]
    dataset = whole.leaving_out([wrong])
    assert dataset.split["misfit"] == [wrong]
    assert len(dataset.split["train"]) == len(whole.split["train"]) - 1
    write_run(tmp_path, tiny_config, dataset)
    assert recorded_split(tmp_path, whole).split == dataset.split


def test_windows_of_emphasised_clips_are_those_of_whole_ones(tiny_config: Config) -> None:
    audio = torch.rand(9000) - 0.5
    clip = TrainingClip(9000, 0, lambda a, b: audio[a:b], None)
    config = tiny_config.replace("audio", preemphasis=0.85).replace("data", join=1)
    windows = Windows([clip], config, None)
    want = mulaw.encode(predictor(config, None).excitation(audio))
    for group in windows.epoch(0):
        batch = windows.batch(group)
        for row, w in enumerate(group):
            low = max(0, w.begin - windows.past) * 80
            n = min(9000, w.end * 80) - low
            assert torch.equal(batch.codes[row, :n], want[low : low + n])
            assert not low or batch.before[row] == want[low - 1]
