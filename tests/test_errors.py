"""How messages count."""

from wavegen.errors import counted


def test_one_is_singular() -> None:
    assert counted(1, "clip") == "1 clip"
    assert counted(0, "clip") == "0 clips"
    assert counted(1200, "different word") == "1,200 different words"
