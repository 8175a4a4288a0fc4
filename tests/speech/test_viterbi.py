"""Paths through states."""

from __future__ import annotations

import numpy as np
import pytest

from wavegen.speech.viterbi import rivals


def likelihood(score: np.ndarray, word: tuple[int, ...]) -> float:
    """By the definition: of the likeliest of all paths through all three states of each symbol."""
    cells = [3 * s + n for s in word for n in range(3)]
    best = np.full(len(cells) + 1, -np.inf)
    best[0] = 0.0  # before the first state
    for row in score:
        best[1:] = np.maximum(best[1:], best[:-1]) + row[cells]
        best[0] = -np.inf
    return float(best[-1])


@pytest.mark.parametrize("seed", range(8))
def test_rivals_are_by_how_much_all_likelier_words_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = sorted({tuple(rng.integers(1, 6, rng.integers(1, 7)).tolist()) for _ in range(80)})
    score = rng.normal(0, 3, (rng.integers(4, 40), 18)).astype(np.float32)
    symbols, ends = np.concatenate(words), np.cumsum([len(w) for w in words])
    for said in (*words[::9], (5, 5, 5, 5)):
        own = likelihood(score, said)
        expected = sum(x - own for w in words if (x := likelihood(score, w)) > own)
        assert rivals(score, np.array(said), symbols, ends, 3) == pytest.approx(expected)


def test_a_word_that_doesnt_fit_into_the_frames_is_beaten_without_bound() -> None:
    score = np.zeros((5, 9), np.float32)
    symbols, ends = np.array([1, 1, 2, 2]), np.array([1, 3, 4])
    assert rivals(score, np.array([1, 2]), symbols, ends, 3) == np.inf
    assert rivals(score, np.array([1]), symbols, ends, 3) == 0
