"""Which sentences are converted, and what is told of the clips."""

from types import SimpleNamespace

import numpy as np
import pytest
from evaluate_conversion import agreement, nearest, sentences


def test_sentences_are_those_of_the_others_in_turn() -> None:
    held = {s: [f"{s}{n}" for n in range(4)] for s in "abc"}
    seconds = {
        p: 20.0 if p in ("b0", "b1", "b2") else 3.0 for paths in held.values() for p in paths
    }
    data = SimpleNamespace(entry=lambda path: SimpleNamespace(samples=1000 * seconds[path]))
    found = sentences(data, held, "a", 4, 1000)  # type: ignore[arg-type]
    assert sorted(p[0] for p in found) == ["b", "c", "c", "c"]
    assert "b3" in found[:2]
    assert len(set(found)) == 4
    assert found == sentences(data, held, "a", 4, 1000)  # type: ignore[arg-type]


def test_the_nearest_speaker_is_the_one_whose_recordings_lie_in_the_same_direction() -> None:
    eye = np.eye(3, dtype=np.float32)
    known = {"a": eye[[0, 0]], "b": eye[[1, 1]]}
    who, cosines = nearest(np.array([[0.6, 0.8, 0], [0.8, 0, 0.6]], np.float32), known)
    assert who == ["b", "a"]
    assert cosines["b"] == pytest.approx([0.8, 0])


def test_a_melody_agrees_with_itself_at_another_pitch() -> None:
    t = np.arange(16000) / 16000

    def sung(low: float) -> np.ndarray:
        turns = np.cumsum(low * 2 ** (0.2 * np.sin(6 * t))) / 16000
        pulses = sum(np.sin(2 * np.pi * n * turns) / n for n in range(1, 8))
        return (0.2 * pulses * (np.abs(t - 0.5) < 0.4)).astype(np.float32)

    assert agreement(sung(130), sung(190), 16000, 160) > 0.95
    assert np.isnan(agreement(sung(130), 0 * sung(190), 16000, 160))
