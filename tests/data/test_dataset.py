"""A folder of audio as training sees it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from helpers import DIGITS, TINY

from wavegen.config import Config, SpeakerConfig
from wavegen.data.dataset import open_dataset
from wavegen.errors import DataError
from wavegen.recipe import load_config
from wavegen.training.checkpoint import recorded_split, write_run
from wavegen.training.corpus import new_voice, resolve
from wavegen.voice import ConditionedVoice


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


def test_the_content_hash_follows_the_contents(tmp_path: Path, tiny_config: Config) -> None:
    shutil.copytree(DIGITS, tmp_path / "copy")
    a = open_dataset(DIGITS, tiny_config)
    b = open_dataset(tmp_path / "copy", tiny_config)
    assert a.content_hash() == b.content_hash()
    (tmp_path / "copy" / "0_george_5.wav").unlink()
    assert open_dataset(tmp_path / "copy", tiny_config).content_hash() != a.content_hash()


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


def test_long_recordings_are_cut_into_clips(tmp_path: Path, tone: Callable[..., Path]) -> None:
    tone(tmp_path / "in" / "long.wav", seconds=2.5)
    tone(tmp_path / "in" / "short.wav", seconds=0.4)
    table = TINY | {"data": {"layout": "flat", "longest": 0.9}}
    config = load_config(table | {"conditioning": {"features": "none"}}, "music")
    dataset = open_dataset(tmp_path / "in", config, tmp_path / "cache")
    assert list(dataset.clips) == ["long.wav#1/3", "long.wav#2/3", "long.wav#3/3", "short.wav"]
    lengths = [dataset.entry(p).samples for p in dataset.clips]
    assert sum(lengths[:3]) == 20000
    assert max(lengths) - min(lengths[:3]) <= 1
    parts = [dataset.prepared.audio(p, 0, n) for p, n in zip(dataset.clips, lengths, strict=True)]
    whole, _ = soundfile.read(tmp_path / "in" / "long.wav", dtype="float32")
    assert np.abs(np.concatenate(parts[:3]) - whole).max() < 1e-4
    voice = new_voice(resolve(config, dataset, torch.device("cpu")), dataset)
    assert not isinstance(voice, ConditionedVoice)


def test_listed_speakers_come_first_and_all_speakers_are_equally_loud(
    tmp_path: Path, tone: Callable[..., Path], tiny_config: Config
) -> None:
    for n, speaker in enumerate(("amy", "ben", "cas")):
        for take in (1, 2):
            path = tone(tmp_path / "in" / speaker / f"{take}.wav")
            audio, rate = soundfile.read(path)
            soundfile.write(path, audio * 10 ** (-(n + take) / 4), rate)
    listed = (SpeakerConfig("cas", "carl"),)
    config = tiny_config.replace("data", layout="folders", level=-30.0, speaker=listed)
    config = config.replace("conditioning", features="none")
    dataset = open_dataset(tmp_path / "in", config, tmp_path / "cache")
    assert dataset.speakers == ("carl", "amy", "ben")
    for speaker in ("amy", "cas"):
        first, second = (dataset.audio(f"{speaker}/{take}.wav") for take in (1, 2))
        both = np.concatenate([first, second])
        assert 20 * np.log10(np.sqrt(np.mean(both**2))) == pytest.approx(-30, abs=0.1)
        assert np.std(first) / np.std(second) == pytest.approx(10**0.25, rel=0.01)
    loud = open_dataset(
        tmp_path / "in", config.replace("data", level=0.0001 - 1), tmp_path / "cache"
    )
    assert max(np.abs(loud.audio(p)).max() for p in loud.clips) == pytest.approx(1, abs=1e-3)
