"""Broken files of every kind: one clear error, no traceback, nothing else written."""

from __future__ import annotations

import json
import random
import struct
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import DIGITS

from wavegen.audio.reading import read_audio
from wavegen.errors import WavegenError
from wavegen.library import load_voice
from wavegen.recipe import read_config, to_toml
from wavegen.rendering.jobs import FailedJob, ListFormat, RenderJob, read_jobs
from wavegen.request import Request

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
        b"/../../../",
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


FIELDS = [
    {"text": f"word {i}", "output_file": f"speaker/take-{i}.wav", "seed": i} for i in range(9)
]
LISTS: dict[ListFormat, list[str]] = {
    "jsonl": [json.dumps(f) for f in FIELDS],
    "csv": [",".join(FIELDS[0]), *(",".join(map(str, f.values())) for f in FIELDS)],
    "text": [str(f["text"]) for f in FIELDS],
}


@pytest.mark.parametrize("form", LISTS)
def test_broken_job_lists(form: ListFormat) -> None:
    rows = LISTS[form]
    intact = {rows[item.line - 1]: item for item in read_jobs(rows, form, Request())}
    assert len(intact) == len(FIELDS)
    failed = refused = 0
    for variant in broken("\n".join(rows).encode()):
        lines = variant.decode("utf-8", "replace").split("\n")
        try:
            items = list(read_jobs(lines, form, Request()))
        except WavegenError:
            refused += 1
            continue
        numbers = [item.line for item in items]
        assert numbers == sorted(set(numbers)), variant
        errors = [item for item in items if isinstance(item, FailedJob)]
        failed += bool(errors)
        assert all(e.error and "\n" not in e.error for e in errors), variant
        for item in items:
            if isinstance(item, RenderJob):
                assert Path("/d", item.output_file).resolve().is_relative_to("/d"), variant
        # What goes into failed.jsonl is itself a job list.
        again = [json.dumps(dict(e.fields)) for e in errors]
        assert len(list(read_jobs(again, "jsonl", Request()))) == len(again), variant
        if form == "csv":  # there a quotation mark may swallow the rows after it
            continue
        found = dict(zip(numbers, items, strict=True))
        for number, line in enumerate(lines, 1):
            assert (number in found) == bool(line.strip()), variant
            if line in intact and line not in lines[: number - 1]:
                item = found[number]
                if isinstance(item, FailedJob):
                    assert "same output_file" in item.error, variant
                else:
                    expected = intact[line].request
                    if form == "text":  # its file, and so its seed, are named for its line
                        expected = replace(expected, seed=item.request.seed)
                    assert item.request == expected, variant
    assert (refused > 0) == (form == "csv")  # whose header was hit
    assert (failed > COUNT / 10) == (form != "text")  # any text is a job
