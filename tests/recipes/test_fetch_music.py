"""The script that fetches music, without fetching any."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "recipes" / "fetch_music.sh"


def fetch(*arguments: object, **environment: str) -> tuple[int, str]:
    command = ["/bin/sh", str(SCRIPT), *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment or None
    )
    return done.returncode, done.stderr


def test_it_needs_a_folder_and_debians_tools(tmp_path: Path) -> None:
    code, told = fetch()
    assert code == 2
    assert "usage:" in told
    code, told = fetch(tmp_path / "new", PATH=str(tmp_path))
    assert code == 2
    assert "there is no apt-get" in told
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("part", ["music", "samples"])
def test_it_replaces_nothing(tmp_path: Path, part: str) -> None:
    for tool in ("apt-get", "dpkg-deb"):  # which do nothing
        (tmp_path / tool).write_text("#!/bin/sh\n")
        (tmp_path / tool).chmod(0o755)
    (tmp_path / "sounds" / part).mkdir(parents=True)
    code, told = fetch(tmp_path / "sounds", PATH=f"{tmp_path}:/usr/bin:/bin")
    assert code == 2
    assert f"{part} exists already" in told
