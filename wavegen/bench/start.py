"""How long it takes until a voice is heard: whole processes, started one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wavegen.errors import WavegenError

TEXT = "Good morning."
PYTHON = "import sys, wavegen; next(wavegen.load_voice(sys.argv[1]).synthesize(sys.argv[2]))"


@dataclass(frozen=True)
class Start:
    """Seconds of one way to begin."""

    way: str
    seconds: tuple[float, ...]
    """Of each process, in ascending order."""


def bench_start(
    voice: str,
    text: str = TEXT,
    repeats: int = 7,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Start]:
    """Time processes that speak a text, from their start.

    The first run compiles into an empty cache, once. The others are timed in turn, ``repeats``
    times each, after a run that fills the user's cache if need be.

    Args:
        voice: a bundled voice's name or a file.
        text: what to say.
        repeats: processes of each way.
        progress: called with (processes done, all).

    Raises:
        WavegenError: the voice can't speak it.
    """
    synth = [sys.executable, "-m", "wavegen", "synth", "--voice", voice, "--text", text]
    with tempfile.TemporaryDirectory() as folder:
        file = [*synth, "--force", "-o", str(Path(folder) / "start.wav")]
        empty = {"WAVEGEN_CACHE": folder, "NUMBA_CACHE_DIR": folder}
        ways: dict[str, Callable[[], float]] = {
            "a file": lambda: _seconds(file),
            "the first byte of --raw": lambda: _seconds([*synth, "--raw"], first_byte=True),
            "the first sound in Python": lambda: _seconds(
                [sys.executable, "-c", PYTHON, voice, text]
            ),
        }
        total = 2 + repeats * len(ways)
        found = [Start("a file, the first time", (_seconds(file, empty),))]
        progress(1, total)
        _seconds(file)
        progress(2, total)
        taken: dict[str, list[float]] = {way: [] for way in ways}
        for n in range(repeats):
            for k, (way, measure) in enumerate(ways.items(), 1):
                taken[way].append(measure())
                progress(2 + n * len(ways) + k, total)
    return found + [Start(way, tuple(sorted(each))) for way, each in taken.items()]


def _seconds(
    command: Sequence[str], environment: dict[str, str] | None = None, first_byte: bool = False
) -> float:
    """From the start of a process to its end, or to its first byte."""
    begin = time.perf_counter()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | (environment or {}),
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1 if first_byte else -1)
        heard = time.perf_counter() - begin
        _, said = process.communicate()
    if process.returncode:
        raise WavegenError(said.decode(errors="replace").strip().removeprefix("error: "))
    return heard if first_byte else time.perf_counter() - begin
