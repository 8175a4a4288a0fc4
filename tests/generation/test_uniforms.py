"""Streams of uniform random numbers."""

import numpy as np
import pytest

from wavegen.generation.uniforms import Uniforms, key


@pytest.mark.parametrize("draws", [1, 2])
def test_a_stream_depends_on_its_key_alone(draws: int) -> None:
    whole = Uniforms(key(0, "one", "george"), draws).draw(10)
    parts = Uniforms(key(0, "one", "george"), draws)
    assert whole.shape == (10, draws)
    assert np.array_equal([*parts.draw(4), *parts.draw(6)], whole)
    other = Uniforms(key(1, "one", "george"), draws).draw(10)
    assert not np.isin(whole, other).any()
