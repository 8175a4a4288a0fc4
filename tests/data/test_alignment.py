"""An aligner for a data set."""

from pathlib import Path

import pytest
from helpers import DIGITS

from wavegen.config import Config
from wavegen.data import alignment
from wavegen.data.alignment import new_aligner, thinned
from wavegen.data.dataset import open_dataset


def test_an_aligner_is_fitted_without_a_voice_even_where_no_features_are_wanted(
    tmp_path: Path, tiny_config: Config
) -> None:
    config = tiny_config.replace("conditioning", features="none")
    assert not open_dataset(DIGITS, config, tmp_path).units
    dataset = open_dataset(DIGITS, config, tmp_path, transcripts=True)
    fitted = new_aligner(dataset, 8000)
    paths = list(dataset.units)
    fitted.fit(paths)
    assert not fitted.misfits(paths)
    found = fitted.align("7_jackson_12.wav")
    assert sum(found.frames) == -(-dataset.entry("7_jackson_12.wav").samples // 40)
    said = [fitted.symbols[p] for w in found.words for p in w if p >= fitted.aligner.silent]
    assert said == list(dataset.units["7_jackson_12.wav"].phones[0])


def test_no_more_than_so_many_clips_are_fitted_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "MOST_CLIPS", 3)
    assert thinned(["a", "b", "c"]) == ["a", "b", "c"]
    assert thinned(["a", "b", "c", "d"]) == ["a", "c"]
