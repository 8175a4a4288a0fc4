"""`wavegen enroll`, and what `info` says of its speaker."""

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import DIGITS, Result, one_clear_line

from wavegen.training import enroll as module


def test_the_command_adds_a_speaker_and_info_tells_where_from(
    cli: Callable[..., Result],
    tmp_path: Path,
    tiny_voice_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = module.fit_wavenet
    monkeypatch.setattr(module, "fit_wavenet", lambda *a, **k: whole(*a, **k, steps=1))
    out = tmp_path / "new.safetensors"
    command = ["enroll", *sorted(DIGITS.glob("*_theo_*.wav")), "--voice", tiny_voice_file]
    command += ["--name", "zoe", "-o", out]
    done = cli(*command, "--licence", "my own voice")
    assert done.code == 0, done.err
    assert "speaker zoe, enrolled from 3 s of recordings without texts, 20" in done.err
    shown = cli("info", out).out
    assert "enrolled from 3 s of recordings without texts" in shown
    assert "my own voice" in shown
    one_clear_line(cli(*command), "--force")
    one_clear_line(cli(*command[:-2], "-o", tmp_path / "new.wav"), ".safetensors")
    one_clear_line(cli("enroll", tmp_path / "no.wav", *command[-6:], "--force"), "no.wav")
