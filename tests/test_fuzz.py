"""Broken files of every kind: one clear error, no traceback, nothing else written."""

from __future__ import annotations

import contextlib
import json
import random
import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import DIGITS

from wavegen.audio.reading import read_audio
from wavegen.errors import WavegenError
from wavegen.library import load_voice
from wavegen.recipe import read_config, to_toml
from wavegen.rendering.jobs import RenderJob, read_jobs

COUNT = 400


def broken(data: bytes, count: int = COUNT) -> Iterator[bytes]:
    """What a bad disk, a bad network or a bad program make of a file."""
    rng = random.Random(0)
    odd = [
        b"",
        b"\0",
        b"\xff" * 8,
        struct.pack("<Q", 2**63),
        b"{" * 50,
        b'"',
        b"\n",
        b"-1",
        b"1e999",
    ]
    for _ in range(count):
        out = bytearray(data)
        for _ in range(rng.choice([1, 1, 2, 10])):
            at = rng.randrange(min(len(out), rng.choice([64, 1000, 10**9])) or 1)
            kind = rng.randrange(5)
            if kind == 0:
                out[at : at + 1] = bytes([rng.randrange(256)])
            elif kind == 1:
                out[at : at + rng.randrange(1, 9)] = rng.choice(odd)
            elif kind == 2:
                del out[at:]
            elif kind == 3:
                del out[at : at + rng.randrange(1, 100)]
            else:
                again = out[at : at + rng.randrange(1, 100)]
                out[at:at] = again
        yield bytes(out)


def survives(tmp_path: Path, name: str, data: bytes, use: Callable[[Path], object]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    file = folder / name
    refused = 0
    for variant in broken(data):
        file.write_bytes(variant)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of strange numbers, on the way to an error
            try:
                use(file)
            except WavegenError:
                refused += 1
        assert [p.name for p in folder.iterdir()] == [name]
    assert refused > COUNT / 10
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_broken_voice_files(tmp_path: Path, tiny_voice_file: Path) -> None:
    survives(tmp_path, "a.safetensors", tiny_voice_file.read_bytes(), load_voice)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_broken_audio_files(tmp_path: Path, suffix: str) -> None:
    audio, rate = soundfile.read(next(DIGITS.rglob("*.wav")))
    whole = tmp_path / f"whole{suffix}"
    soundfile.write(whole, audio[:2000], rate)
    data = whole.read_bytes()
    whole.unlink()

    def use(file: Path) -> None:
        audio = read_audio(file, 8000, trim_db=30).audio
        assert np.isfinite(audio).all()
        assert np.abs(audio).max(initial=0) <= 1

    survives(tmp_path, f"a{suffix}", data, use)


def test_broken_recipes(tmp_path: Path) -> None:
    recipe = Path(__file__).parent.parent / "recipes" / "digits.toml"
    survives(tmp_path, "a.toml", recipe.read_bytes(), lambda file: to_toml(read_config(file)))


def test_broken_job_lists(tmp_path: Path) -> None:
    rows = [
        {"text": "one", "output_file": f"a/{i}.wav", "seed": i, "seconds": 0.5} for i in range(9)
    ]
    data = "".join(json.dumps(r) + "\n" for r in rows).encode()
    csv = ("text,output_file,seed\n" + "one,../a.wav,1\n" * 9).encode()
    for kind, content in (("jsonl", data), ("csv", csv), ("text", data)):
        for variant in broken(content):
            lines = variant.decode("utf-8", "replace").splitlines(keepends=True)
            with contextlib.suppress(WavegenError):
                for job in read_jobs(lines, kind, RenderJob()):  # type: ignore[arg-type]
                    inside = Path("/d", getattr(job, "output_file", "")).resolve()
                    assert inside.is_relative_to("/d")
