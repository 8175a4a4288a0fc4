"""How like their speakers clips are."""

import numpy as np
import pytest
from evaluate_speakers import likeness


def towards(direction: int, count: int, seed: int) -> np.ndarray:
    """(count, 8) vectors of unit length near one axis."""
    x = 0.2 * np.random.default_rng(seed).standard_normal((count, 8))
    x[:, direction] += 1
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def test_clips_are_like_the_speaker_whose_recordings_they_are_near() -> None:
    real = {"a": towards(0, 5, 0), "b": towards(1, 5, 1)}
    own, nearest = likeness(towards(0, 6, 2), real, "a")
    assert own > 0.8
    assert nearest == 1
    mixed = np.concatenate([towards(0, 3, 3), towards(1, 1, 4)])
    assert likeness(mixed, real, "a")[1] == pytest.approx(0.75)


def test_a_recording_is_not_compared_with_itself() -> None:
    alone = np.eye(8, dtype=np.float32)[:2]
    own, _ = likeness(alone, {"a": alone, "b": towards(5, 3, 0)}, "a", same=True)
    assert own == pytest.approx(0, abs=1e-6)
