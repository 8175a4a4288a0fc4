"""Streams of uniform random numbers."""

from wavegen.generation.uniforms import Uniforms, key


def test_a_stream_depends_on_its_key_alone() -> None:
    whole = Uniforms(key(0, "one", "george")).draw(10)
    parts = Uniforms(key(0, "one", "george"))
    assert [*parts.draw(4), *parts.draw(6)] == [*whole]
    assert set(whole).isdisjoint(Uniforms(key(1, "one", "george")).draw(10))
