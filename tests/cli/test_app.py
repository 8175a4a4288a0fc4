"""Errors, brackets and lists of voices on the command line."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from helpers import Result, one_clear_line


def test_voices_and_info_tell_what_there_is(cli: Callable[..., Result]) -> None:
    listed = cli("voices").out
    assert "digits" in listed
    assert "CC BY-SA 4.0" in listed
    shown = cli("info", "digits").out
    for part in ("receptive field", "2,047 samples, 256 ms", "parameters", "test bits", "nicolas"):
        assert part in shown


def test_usage_errors_exit_two(cli: Callable[..., Result]) -> None:
    for args in (["synth", "--nonsense"], ["speak"], ["train"], ["synth", "--seed", "x"]):
        result = cli(*args)
        assert result.code == 2
        assert "Traceback" not in result.err


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    args = ["-m", "wavegen", "--debug", "info", "nobody"]
    done = subprocess.run([sys.executable, *args], capture_output=True, text=True, check=False)
    assert "Traceback" in done.stderr
    assert done.returncode != 0


def test_brackets_in_names_are_printed_as_they_are(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    assert "[a-z]+" in cli("info", "digits").out
    one_clear_line(cli("train", tmp_path / "x[/b]"), "x[/b] is not a folder")
