"""Probabilities of hypotheses."""

from __future__ import annotations

import numpy as np
import pytest

from wavegen.score.classify import bagged


def test_probabilities_are_equal_where_nothing_tells_and_certain_where_all_does() -> None:
    bits = np.random.default_rng(0).normal(8, 1, (1, 4000)).repeat(4, 0)
    assert bagged(bits, 400) == pytest.approx([0.25] * 4)
    bits[1:] += 1
    assert bagged(bits, 400) == pytest.approx([1, 0, 0, 0])


def test_one_block_decides_nothing_though_it_outweighs_all_others() -> None:
    """Without that block, which a third of the replicates are, the second one is likelier."""
    bits = np.full((2, 8000), 8.0)
    bits[1, 2000:2400] += 3
    bits[0, 4000:] += 0.1
    assert bits[0].sum() < bits[1].sum() - 700
    first, second = bagged(bits, 400)
    assert first + second == pytest.approx(1)
    assert 0.5 < first < 0.75
    assert bagged(bits, 8000)[0] == pytest.approx(1)  # one block: Bayes' rule as it stands


@pytest.mark.parametrize("length", [1, 399, 401, 790])
def test_short_recordings_have_probabilities(length: int) -> None:
    bits = np.random.default_rng(0).normal(8, 1, (3, length))
    found = bagged(bits, 400)
    assert found.sum() == pytest.approx(1)
    assert (found == bagged(bits, 400)).all()
    if length < 400:
        weights = 2 ** (bits.sum(1).min() - bits.sum(1))
        assert found == pytest.approx(weights / weights.sum())
