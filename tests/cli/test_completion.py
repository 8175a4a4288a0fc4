"""What the shell completes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("synth --voice ka", ["kathleen"]),
        ("synth --voice sub/t", ["sub/tiny.safetensors"]),
        ("synth --voice digits --speaker j", ["jackson"]),
        ("synth -s ni", ["nicolas"]),
        ("synth --voice nobody --speaker j", []),
        ("train samples --recipe dig", ["digits"]),
        ("info dig", ["digits"]),
    ],
)
def test_voices_speakers_and_recipes_are_completed(
    tmp_path: Path, line: str, offered: list[str]
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "tiny.safetensors").touch()
    (tmp_path / "sub" / "notes.txt").touch()
    asked = {
        "_WAVEGEN_COMPLETE": "complete_bash",
        "COMP_WORDS": f"wavegen {line}",
        "COMP_CWORD": str(len(line.split())),
    }
    code = "from wavegen.cli.app import app; app(prog_name='wavegen')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | asked,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (offered, "")
