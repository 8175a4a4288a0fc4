"""Files that appear complete or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from wavegen.audio.writing import SUFFIXES
from wavegen.errors import WavegenError
from wavegen.files import atomic_write, check_output, forget_killed


def test_an_existing_output_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.touch()
    with pytest.raises(WavegenError, match="--force"):
        check_output(path, False, SUFFIXES)
    check_output(path, True, SUFFIXES)


def test_only_what_killed_processes_left_behind_is_removed(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from wavegen.files import atomic_write\n"
        "with atomic_write(pathlib.Path(sys.argv[1])) as f: os.kill(os.getpid(), 9)"
    )
    (tmp_path / "sub").mkdir()
    subprocess.run([sys.executable, "-c", code, tmp_path / "sub" / "a.wav"], check=False)
    assert len([*(tmp_path / "sub").iterdir()]) == 1
    with atomic_write(tmp_path / "b.wav") as mine:
        forget_killed(tmp_path)
        assert mine.exists()
        assert [*(tmp_path / "sub").iterdir()] == []
