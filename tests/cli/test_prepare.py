"""`wavegen prepare`."""

from collections.abc import Callable
from pathlib import Path

from helpers import DIGITS, Result


def test_clearing_removes_prepared_data_and_nothing_else(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    assert cli("prepare", DIGITS, "--recipe", "digits", "--cache-dir", tmp_path).code == 0
    (tmp_path / "precious.txt").write_text("mine")
    (tmp_path / "0123456789abcdef").mkdir()
    (tmp_path / "0123456789abcdef" / "mine.wav").touch()
    done = cli("prepare", "--clear", "--cache-dir", tmp_path)
    assert "removed 1 prepared data set" in done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0123456789abcdef", "precious.txt"]


def test_prepare_shows_what_training_will_see(cli: Callable[..., Result], tmp_path: Path) -> None:
    done = cli("prepare", DIGITS, "--recipe", "digits", "--cache-dir", tmp_path)
    assert done.code == 0, done.err
    for part in ("layout pattern", "60, 0 left out", "6: george", "10 different words"):
        assert part in done.err
