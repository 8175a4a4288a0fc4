"""Job lists for batch rendering: JSONL, CSV or plain text."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from wavegen.audio.writing import SUFFIXES
from wavegen.errors import WavegenError
from wavegen.voice import Style

Kind = Literal["jsonl", "csv", "text"]
RESERVED = re.compile(r"(manifest|failed)(-\d+-of-\d+)?\.jsonl|\.wavegen-.*")
"""Names of files that are not sound."""


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One clip to render."""

    line: int = 0
    """Where it stands in the list, from 1."""
    output_file: str = ""
    """Below the folder of all clips."""
    text: str | None = None
    voice: str | None = None
    """A bundled voice's name, or a file; None takes the default."""
    speaker: str | None = None
    """Name or id."""
    seed: int | None = None
    """None takes one made from ``output_file``."""
    temperature: float = 1.0
    language: str | None = None
    sentence_silence: float | None = None
    length_scale: float = 1.0
    pitch_shift: float = 0.0
    noise_scale: float = 0.0
    seconds: float | None = None
    """Length, for a voice without texts."""
    max_seconds: float = 600.0
    """Longer clips are refused."""

    @property
    def take(self) -> int:
        """The seed."""
        return zlib.crc32(self.output_file.encode()) if self.seed is None else self.seed

    @property
    def style(self) -> Style:
        return Style(self.length_scale, self.pitch_shift, self.noise_scale, self.take)

    def fields(self) -> dict[str, Any]:
        """As a row of a job list."""
        return {k: v for k, v in asdict(self).items() if v is not None and k != "line"}


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that can't be rendered."""

    line: int
    error: str
    fields: Mapping[str, Any]
    """Of its row, so that the job can be put right and tried again."""


NUMBERS = {
    "temperature": (0.0, math.inf),
    "sentence_silence": (0.0, 10.0),
    "length_scale": (0.1, 10.0),
    "pitch_shift": (-24.0, 24.0),
    "noise_scale": (0.0, 2.0),
    "seconds": (0.001, math.inf),
    "max_seconds": (0.0, math.inf),
}
"""Least and greatest value of a field."""
_NAMES = ("text", "voice", "speaker", "output_file", "language")
FIELDS = (*_NAMES, "seed", *NUMBERS)
IGNORED = ("error", "line", "row")
"""Of a list of failed jobs."""
ARRAY = re.compile(r'\s*\[\s*([{"]|$)')
"""How a JSON array begins; a text may begin with [[phonemes]]."""


def read_jobs(
    lines: Iterable[str], kind: Kind, base: RenderJob, suffix: str = ".wav"
) -> Iterator[RenderJob | FailedJob]:
    """Jobs of a list, in order; a row that is none fails alone.

    Args:
        lines: of the list.
        kind: ``jsonl`` (an object a line), ``csv`` (a header, then a row each; the delimiter is a
            comma, semicolon or tab) or ``text`` (a text a line). Empty lines are passed over. What
            can't be read is kept as the field ``row`` of its failed job.
        base: what holds where a row leaves a field out.
        suffix: of the file of a job without ``output_file``, whose name is its line's number.

    Raises:
        WavegenError: a CSV list has no header with known fields.
    """
    rows = {"jsonl": _jsonl, "csv": _csv, "text": _text}[kind](lines)
    seen: dict[str, int] = {}
    for number, row, wrong in rows:
        try:
            if wrong:
                raise WavegenError(wrong)
            job = _job(number, row, base, suffix)
            if job.output_file in seen:
                first = seen[job.output_file]
                # Tried again, it must not replace the other's clip.
                stem, end = f"{number:06d}", PurePosixPath(job.output_file).suffix
                stem += "-again" * (stem + end in seen)
                row = {**row, "output_file": stem + end}
                raise WavegenError(f"line {first} has the same output_file")
        except WavegenError as e:
            # The name belongs to the line of this list, not to that of a list of failed jobs.
            fields = {"output_file": f"{number:06d}{suffix}", **row}
            with contextlib.suppress(WavegenError):
                fields["output_file"] = check_name(str(fields["output_file"]), suffix)
            yield FailedJob(number, str(e), fields)
        else:
            seen[job.output_file] = number
            yield job


def name_of(job: RenderJob | FailedJob) -> str:
    """Of the file that a job is about."""
    name = job.output_file if isinstance(job, RenderJob) else job.fields["output_file"]
    return str(name)


_Rows = Iterator[tuple[int, Mapping[str, Any], str]]
"""(line, its fields, what is wrong with it)."""


def _jsonl(lines: Iterable[str]) -> _Rows:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row, wrong = None, "no JSON object"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as e:
            wrong = f"no JSON: {e.msg} at column {e.colno}"
        except RecursionError:
            wrong = "no JSON: nested too deeply"
        except ValueError as e:
            wrong = f"no JSON: {e}"
        if isinstance(row, dict):
            yield number, row, ""
        else:
            yield number, {"row": line.rstrip("\r\n")}, wrong


def _csv(lines: Iterable[str]) -> _Rows:
    lines = iter(lines)
    before, first = next(((n, x) for n, x in enumerate(lines, 1) if x.strip()), (1, ""))
    delimiter, names = _header(first)
    unknown = [n for n in names if n not in (*FIELDS, *IGNORED, "speaker_id")]
    if unknown or not names:
        raise WavegenError(
            f"the first line of a CSV list names its columns, out of {', '.join(FIELDS)}"
            + (f"; not '{unknown[0][:40]}'" if unknown else "")
        )
    taken: list[str] = []

    def taking() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    reader = csv.reader(taking(), delimiter=delimiter, strict=True)
    while True:
        number = before + reader.line_num + 1
        taken.clear()
        try:
            cells = next(reader)
            wrong = f"{len(cells)} columns, and the header has {len(names)}"
        except StopIteration:
            return
        except csv.Error as e:
            cells, wrong = [], f"no CSV: {e}"
            if len(taken) > 1:
                last = before + reader.line_num
                wrong += f"; an unclosed quote took lines {number + 1} to {last} with it"
        if len(cells) > len(names) or (not cells and any(x.strip() for x in taken)):
            yield number, {"row": "".join(taken).rstrip("\r\n")}, wrong
        elif any(c.strip() for c in cells):
            yield number, {n: c for n, c in zip(names, cells, strict=False) if c.strip()}, ""


def _header(line: str) -> tuple[str, list[str]]:
    """The delimiter and the names of a CSV list's columns."""
    delimiter = max(",;\t", key=line.count)
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        cells = [line]
    return delimiter, [c.strip().lower() for c in cells]


def _text(lines: Iterable[str]) -> _Rows:
    for number, line in enumerate(lines, 1):
        if text := line.strip():
            yield number, {"text": text}, ""


def _job(number: int, row: Mapping[str, Any], base: RenderJob, suffix: str) -> RenderJob:
    values: dict[str, Any] = {"output_file": f"{number:06d}{suffix}"}
    if "row" in row and not {"text", "seconds"} & row.keys():
        raise WavegenError(
            "its row could not be read: write its text and other fields in its place"
        )
    for name, value in row.items():
        if value is None or name in IGNORED:
            continue
        name = {"speaker_id": "speaker"}.get(name, name)  # as piper calls it
        if name in _NAMES:
            values[name] = _name(name, value)
        elif name in NUMBERS:
            values[name] = check_number(name, value)
        elif name == "seed":
            values[name] = _seed(value)
        else:
            raise WavegenError(f"unknown field '{name[:40]}' (fields: {', '.join(FIELDS)})")
    values["output_file"] = check_name(values["output_file"], suffix)
    job = replace(base, line=number, **values)
    if job.text is not None and not job.text.strip():
        raise WavegenError("the text is empty")
    return job


def _name(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise WavegenError(f"{name} must be a string")
    return str(value)


def check_number(name: str, value: Any) -> float:
    """The number of a field; raises `WavegenError` where it is none, or out of its range."""
    low, high = NUMBERS[name]
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (low <= number <= high and math.isfinite(number)):
        bounds = f"from {low:g}" + (f" to {high:g}" if math.isfinite(high) else "")
        raise WavegenError(f"{name} must be a number {bounds}")
    return number


def _seed(value: Any) -> int:
    try:
        if isinstance(value, bool | float):
            raise ValueError
        return int(value)
    except (TypeError, ValueError):
        raise WavegenError("seed must be a whole number") from None


def check_name(name: str, suffix: str) -> str:
    """A job's file name, with ``suffix`` where it has none.

    Raises:
        WavegenError: it would lie outside of the folder, or is no name of a sound file.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise WavegenError(f"output_file '{name[:80]}' must be a path inside the folder")
    if not name.isprintable() or "\\" in name or any(len(p.encode()) > 200 for p in path.parts):
        raise WavegenError(f"output_file {name[:80]!r} is no name for a file")
    if not path.suffix:
        path = path.with_suffix(suffix)
    if path.suffix.lower() not in SUFFIXES or RESERVED.fullmatch(path.name):
        raise WavegenError(f"output_file '{name[:80]}' must end with one of {', '.join(SUFFIXES)}")
    return str(path)


def kind_of(file: Path, first_line: str) -> Kind:
    """The kind of a job list, from its suffix, or from its first line on standard input.

    Raises:
        WavegenError: it is no job list of any kind.
    """
    if "\0" in first_line or "\ufffd" in first_line:  # bytes that are no UTF-8
        raise WavegenError(f"{file}: a list of jobs is text in UTF-8, and this is not")
    suffix = file.suffix.lower()
    if ARRAY.match(first_line):
        raise WavegenError(f"{file} is a JSON array: a list of jobs is one JSON object a line")
    if suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    if suffix in (".csv", ".tsv"):
        return "csv"
    if first_line.lstrip().startswith("{"):
        return "jsonl"
    _, names = _header(first_line)
    named = not suffix and set(names) <= {*FIELDS, *IGNORED, "speaker_id"}
    return "csv" if named and {"text", "seconds"} & set(names) else "text"
