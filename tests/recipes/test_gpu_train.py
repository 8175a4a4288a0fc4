"""Training on a lent GPU saves what it has, in small files, and resumes from them."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "recipes" / "gpu_train.sh"
CHECK = SCRIPT.with_name("gpu_check.sh")
LARGEST = 16 << 20
TRAINS = """#!/bin/bash
# In place of Python: nothing is missing, and `wavegen train` makes a step a second.
[ "$1" != -c ] || exit 0
while [ "$1" != --out ]; do shift; done
run=$2
mkdir -p "$run/states"
step=$(cd "$run/states" && ls | tail -n 1 | tr -dc 0-9)
step=${step:-0}
echo "begins at $step"
touch "$run/config.toml" "$run/split.json" "$run/metrics.jsonl"
state() {
    step=$((step + 1))
    head -c 17000000 /dev/urandom >"$run/states/.new"
    mv "$run/states/.new" "$run/states/$step.pt"
    echo "voice $step" >"$run/last.safetensors"
}
trap 'state; exit 130' INT
for i in 1 2 3 4 5 6; do
    state
    [ $step -lt 4 ] || exit 0
    sleep 0.4
done
"""


def test_a_run_that_reached_its_limit_goes_on_from_small_files(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(TRAINS)
    python.chmod(0o755)
    with tarfile.open(tmp_path / "mine.tar", "w") as archive:
        archive.add(python, "data/mine/clip.wav")
    out, said = tmp_path / "out", []
    for call, limit in enumerate(("0.7", "30")):
        work = tmp_path / f"machine {call}"  # a fresh one each time
        settings = {"PYTHON": python, "WORK": work, "DATA": tmp_path / "mine.tar", "OUT": out}
        settings |= {"LIMIT": limit, "EVERY": "1", "WHEELS": ""}
        done = subprocess.run(
            ["bash", SCRIPT, "mine", "5"],
            env=os.environ | {name: str(value) for name, value in settings.items()},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
        parts = sorted((out / "mine.saved").iterdir())
        assert len(parts) == 2
        assert all(p.stat().st_size < LARGEST for p in parts)
        whole = tmp_path / "whole.tar"
        whole.write_bytes(b"".join(p.read_bytes() for p in parts))
        newest = sorted((work / "runs" / "mine" / "states").glob("*.pt"))[-1]
        with tarfile.open(whole) as archive:
            [state] = [n for n in archive.getnames() if n.startswith("states/")]
            assert state == f"states/{newest.name}"
            member = archive.extractfile(state)
            assert member is not None
            assert member.read() == newest.read_bytes()
    assert "begins at 0" in said[0]
    assert "not done yet (124)" in said[0]
    left = int(said[0].rpartition("saved states/")[2].split(".")[0])
    assert f"begins at {left}" in said[1]
    assert said[1].endswith("done\n")
    assert sorted(p.name for p in out.iterdir()) == ["mine.saved"]


def test_a_missing_package_is_told_before_anything_is_run(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/bash\nPYTHONPATH= exec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    settings = {"PYTHON": str(bare), "WORK": str(tmp_path / "work"), "WHEELS": ""}
    for script, args in ((SCRIPT, ("mine", "5")), (CHECK, (tmp_path / "out",))):
        done = subprocess.run(
            ["bash", script, *args],
            env=os.environ | settings | {"DATA": str(bare)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert done.stderr == (
            "error: ModuleNotFoundError: No module named 'librosa': "
            "put its wheel into the folder WHEELS\n"
        )
