"""One process at a time in a run directory."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from wavegen.errors import TrainingError
from wavegen.training.lock import locked

HOLD = (
    "import sys, time, pathlib; from wavegen.training.lock import locked\n"
    "with locked(pathlib.Path(sys.argv[1])):\n"
    "    print(flush=True); time.sleep(100)"
)


def test_a_second_process_is_refused_and_a_killed_one_is_no_obstacle(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "mine"
    with subprocess.Popen([sys.executable, "-c", HOLD, run], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        first.stdout.readline()
        who = f"process {first.pid} on {socket.gethostname()} is training in {run}: "
        for _ in range(2):
            with pytest.raises(TrainingError) as e, locked(run):
                pass
            assert str(e.value).startswith(who)
        first.kill()
    with locked(run):
        (run / "config.toml").touch()
        with pytest.raises(TrainingError, match=f"process {os.getpid()} on"), locked(run):
            pass
    with locked(run):
        pass


def test_a_directory_into_which_nothing_got_is_removed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "run"):
        raise ZeroDivisionError
    (tmp_path / "mine").mkdir()
    with locked(tmp_path / "mine"):
        pass
    assert [p.name for p in tmp_path.rglob("*")] == ["mine"]


def test_other_processes_of_one_training_take_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(tmp_path / "run"):
        monkeypatch.setenv("RANK", "1")
        with locked(tmp_path / "run"):
            pass
