"""Files that appear complete or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import full_disk

from wavegen.audio.writing import SUFFIXES
from wavegen.errors import WavegenError
from wavegen.files import atomic_write, check_output, forget_killed, write_file


def test_an_existing_output_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.touch()
    with pytest.raises(WavegenError, match="--force"):
        check_output(path, False, SUFFIXES)
    check_output(path, True, SUFFIXES)


@pytest.mark.parametrize("links", [True, False])
def test_of_two_writers_of_a_new_file_the_second_is_refused(
    tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:  # as on exFAT

        def never(*args: object) -> None:
            raise PermissionError

        monkeypatch.setattr(Path, "hardlink_to", never)
    path = tmp_path / "a.wav"
    with atomic_write(path, replace=False) as first:
        first.write_bytes(b"first")
        write_file(path, b"second", replace=False)
        with pytest.raises(FileExistsError), atomic_write(path, replace=False):
            pass
        assert path.read_bytes() == b"second"
        path.unlink()
    assert path.read_bytes() == b"first"
    with pytest.raises(WavegenError, match=r"a\.wav exists; --force replaces it"):
        write_file(path, b"third", replace=False)
    write_file(path, b"forced")
    assert path.read_bytes() == b"forced"
    assert [*tmp_path.iterdir()] == [path]


def test_a_disk_that_is_full_names_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        full_disk(),
        pytest.raises(OSError, match="large") as e,
        atomic_write(tmp_path / "a.wav") as f,
    ):
        f.write_bytes(bytes(100_000))
    assert e.value.filename == str(tmp_path / "a.wav")
    with pytest.raises(FileNotFoundError) as e, atomic_write(tmp_path / "none" / "a.wav"):
        pass
    assert e.value.filename == str(tmp_path / "none" / "a.wav")
    assert [*tmp_path.iterdir()] == []


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
