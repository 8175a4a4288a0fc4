"""F0 of every clip of a data set."""

from pathlib import Path

import numpy as np
import pytest
from helpers import DIGITS

from wavegen.config import Config
from wavegen.data import tracks
from wavegen.data.dataset import open_dataset


@pytest.mark.parametrize("damaged", ["npz", "f16"])
def test_f0_is_found_once_and_kept(
    tmp_path: Path, tiny_config: Config, monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    config = tiny_config.replace("conditioning", features="mel")
    first = open_dataset(DIGITS, config, tmp_path)
    assert all(p in first.tracks for p in first.clips)

    found = {p: first.tracks[p] for p in first.clips}

    def never(*args: object) -> None:
        raise AssertionError

    monkeypatch.setattr(tracks, "pitch", never)
    again = open_dataset(DIGITS, config, tmp_path)
    for path in first.clips:
        assert np.array_equal(again.tracks[path], first.tracks[path])
    [file] = tmp_path.rglob(f"pitch-{tracks.ALGORITHM}-80.{damaged}")
    file.write_bytes(file.read_bytes()[:1000])
    monkeypatch.undo()
    mended = open_dataset(DIGITS, config, tmp_path)
    assert all(np.array_equal(mended.tracks[p], found[p]) for p in first.clips)
