"""A folder of audio as training sees it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import DIGITS

from wavegen.config import Config
from wavegen.data.dataset import open_dataset
from wavegen.errors import DataError
from wavegen.training.checkpoint import recorded_split, write_run


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
