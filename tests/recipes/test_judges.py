"""What is measured without trained judges."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import judges
import numpy as np
import pytest

from wavegen.errors import DataError

SPEECHLIKE = np.random.default_rng(0).standard_normal(16000).astype(np.float32) / 10


def test_clips_are_judged_at_one_level_whatever_their_own() -> None:
    a, b = judges.levelled(SPEECHLIKE), judges.levelled(SPEECHLIKE / 50)
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert judges.decibels(a) == pytest.approx(judges.LEVEL, abs=0.5)


def test_silence_around_speech_does_not_raise_its_level() -> None:
    padded = judges.levelled(np.pad(SPEECHLIKE, 16000))
    np.testing.assert_allclose(padded[16000:-16000], judges.levelled(SPEECHLIKE), rtol=1e-5)


def test_spectra_of_half_the_amplitude_are_six_decibels_away() -> None:
    assert judges.spectral_distance(SPEECHLIKE, SPEECHLIKE) == 0
    assert judges.spectral_distance(SPEECHLIKE, SPEECHLIKE / 2) == pytest.approx(6.02, abs=0.01)


def test_other_programs_clips_are_found_by_the_recordings_names(
    tmp_path: Path, tone: Callable[..., Path]
) -> None:
    tone(tmp_path / "b.flac", rate=22050)
    tone(tmp_path / "a.wav")
    recordings = [Path("x/a.flac"), Path("x/b.wav")]
    assert [len(c) for c in judges.read_clips(tmp_path, recordings, 16000)] == [8000, 8000]
    with pytest.raises(DataError, match="no clip c"):
        judges.read_clips(tmp_path, [Path("c.wav")], 16000)


def test_a_row_leaves_out_what_does_not_apply() -> None:
    columns = {"OVRL": ".2f", "PER": ".1%", "PESQ": ".2f"}
    assert judges.heading(columns) == "| | OVRL | PER | PESQ |\n|---|---|---|---|"
    assert judges.row("spoken", {"OVRL": 3.0, "PER": 0.0456}, columns) == (
        "| spoken | 3.00 | 4.6 % |  |"
    )
