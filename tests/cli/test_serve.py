"""`wavegen serve`."""

from __future__ import annotations

import configparser
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from helpers import Result, one_clear_line


def test_sigterm_lets_requests_end_and_nothing_imports_torch(tiny_voice_file: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "wavegen", "serve"]
    options = ["--voice", str(tiny_voice_file), "--port", "0"]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        seen, address = [], None
        for line in process.stderr:
            seen.append(line)
            if address := re.match(r"http://127\.0\.0\.1:\d+", line):
                break
        assert address is not None, seen
        speak = f"{address[0]}/v1/audio/speech"
        body = {"input": "one two three. " * 20, "response_format": "pcm", "sample_rate": 8000}
        with httpx2.stream("POST", speak, json=body, timeout=60) as answer:
            assert answer.status_code == 200
            parts = answer.iter_raw()
            sound = next(parts)
            process.send_signal(signal.SIGTERM)
            sound += b"".join(parts)
        assert len(sound) > 10 * 2 * 8000
        seen += process.communicate(timeout=30)[1].splitlines()
    assert process.returncode == -signal.SIGTERM
    imported = {line.rpartition("|")[2].strip() for line in seen if "import time" in line}
    assert "uvicorn" in imported
    assert not {"torch", "torchaudio", "scipy", "librosa", "numba"} & imported
    assert not [line for line in seen if "Traceback" in line]


def test_what_can_not_be_served_is_one_clear_line(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tiny_voice_file: Path
) -> None:
    one_clear_line(cli("serve", "--host", "256.0.0.1"), "can't listen on 256.0.0.1, port 8000")
    one_clear_line(cli("serve", "--port", 0, "--voice", "none"), "no voice 'none'")
    slow = ("--voice", tiny_voice_file, "--engine", "cached")
    one_clear_line(cli("serve", "--port", 0, *slow), "engine cached takes no requests")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "wavegen.serve.server", raising=False)
    one_clear_line(cli("serve", "--port", 0), "pip install 'wavegen[server]'")


@pytest.mark.parametrize(
    "key", [("--api-key", "s3cret"), ("--api_key", "s3cret"), ("--api_key=s3cret",)]
)
def test_a_systemd_unit_runs_the_same_command_and_tells_no_key(
    cli: Callable[..., Result], key: tuple[str, ...]
) -> None:
    given = ("--voice", "my 100% voice.safetensors", *key, "--port", 81)
    done = cli("serve", *given, "--print-unit")
    assert done.code == 0, done.err
    assert "s3cret" not in done.out
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(done.out)
    expected = '-m wavegen serve --voice "my 100%% voice.safetensors" --port 81'
    assert unit["Service"]["ExecStart"].endswith(expected)
    assert unit["Service"]["WorkingDirectory"] == str(Path.cwd())
