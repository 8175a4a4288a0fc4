"""Streams of uniform random numbers."""

import numpy as np
import pytest

from wavegen.generation.uniforms import Endings, Uniforms, key


@pytest.mark.parametrize("draws", [1, 2])
def test_a_stream_depends_on_its_key_alone(draws: int) -> None:
    whole = Uniforms(key(0, "one", "george"), draws).draw(10)
    parts = Uniforms(key(0, "one", "george"), draws)
    assert whole.shape == (10, draws)
    assert np.array_equal([*parts.draw(4), *parts.draw(6)], whole)
    other = Uniforms(key(1, "one", "george"), draws).draw(10)
    assert not np.isin(whole, other).any()


def test_endings_make_what_is_drawn_second_as_much_likelier_as_they_say() -> None:
    """Four samples to a frame, from the seventh sample on; the last frame is held."""
    endings = Endings(np.array([-80.0, 0.0, 3.0]), 4)
    plain = Uniforms("x", 2).draw(2000)
    parts = Uniforms("x", 2, endings, begin=7)
    first = parts.draw(1)
    assert len(parts.peek(5)) == 5
    raised = np.concatenate([first, parts.draw(1999)])
    assert np.array_equal(raised[:, 0], plain[:, 0])
    assert np.array_equal(raised[0], plain[0])
    probability = 0.1  # whose log odds, raised by 3, are those of 0.69
    assert np.mean(plain[1:, 1] < probability) == pytest.approx(0.1, abs=0.02)
    assert np.mean(raised[1:, 1] < probability) == pytest.approx(0.691, abs=0.03)
    assert (Uniforms("x", 2, endings).draw(4)[:, 1] > 0.999).all()  # hardly ever at first
    assert np.array_equal(Uniforms("x", 1, endings).draw(9), Uniforms("x", 1).draw(9))
