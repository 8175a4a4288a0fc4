"""A folder of audio as training sees it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from helpers import DIGITS, TINY

from wavegen.config import Config
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
