"""Job lists for batch rendering: JSONL, CSV or plain text."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from wavegen.audio.writing import SUFFIXES
from wavegen.errors import WavegenError
from wavegen.request import Request, options, string

ListFormat = Literal["jsonl", "csv", "text"]
RESERVED = re.compile(r"(manifest|failed)(-\d+-of-\d+)?\.jsonl|\.wavegen-.*")
"""Names of files that are not clips."""


@dataclass(frozen=True)
class RenderJob:
    """One clip to render: a request with its place in the list and the file to write."""

    line: int = 0
    """From 1."""
    output_file: str = ""
    """Relative to the folder of the clips."""
    request: Request = field(default_factory=Request)
    """Without a seed it gets one made from ``output_file``."""

    def __post_init__(self) -> None:
        if self.request.seed is None:
            seed = zlib.crc32(self.output_file.encode())
            object.__setattr__(self, "request", replace(self.request, seed=seed))

    def fields(self) -> dict[str, Any]:
        """The job as a row of a job list."""
        row = {"output_file": self.output_file, **vars(self.request)}
        return {k: value for k, value in row.items() if value is not None and value is not False}


@dataclass(frozen=True)
class FailedJob:
    """A job that can't be rendered."""

    line: int
    error: str
    fields: Mapping[str, Any]
    """The fields of its row, so that the job can be corrected and tried again."""


FIELDS = ("output_file", *options(Request))
IGNORED = ("error", "line", "row")
"""Fields that a list of failed jobs adds."""
ARRAY = re.compile(r'\s*\[\s*([{"]|$)')
"""The beginning of a JSON array; a text may begin with [[phonemes]]."""


def read_jobs(
    lines: Iterable[str], form: ListFormat, base: Request, suffix: str = ".wav"
) -> Iterator[RenderJob | FailedJob]:
    """Jobs of a list, in order; a row that can't be read is a failed job, and the others stand.

    Args:
        lines: of the list.
        form: ``jsonl`` (an object per line), ``csv`` (a header, then a row per job; the delimiter
            is a comma, semicolon or tab) or ``text`` (a text per line). Empty lines are skipped.
            What can't be read is kept as the field ``row`` of its failed job.
        base: fields that a row leaves out.
        suffix: of the file of a job without ``output_file``, which is named for its line's number.

    Raises:
        WavegenError: a CSV list has no header with known fields.
    """
    rows = {"jsonl": _jsonl, "csv": _csv, "text": _text}[form](lines)
    seen: dict[str, int] = {}
    for number, row, wrong in rows:
        try:
            if wrong:
                raise WavegenError(wrong)
            job = _job(number, row, base, suffix)
            if job.output_file in seen:
                first = seen[job.output_file]
                # If it is tried again, it must not replace the other's clip.
                stem, end = f"{number:06d}", PurePosixPath(job.output_file).suffix
                stem += "-again" * (stem + end in seen)
                row = {**row, "output_file": stem + end}
                raise WavegenError(f"line {first} has the same output_file")
        except WavegenError as e:
            # Named for the line in this list, not for that in the list of failed jobs.
            fields = {"output_file": f"{number:06d}{suffix}", **row}
            with contextlib.suppress(WavegenError):
                fields["output_file"] = check_name(str(fields["output_file"]), suffix)
            yield FailedJob(number, str(e), fields)
        else:
            seen[job.output_file] = number
            yield job


def name_of(job: RenderJob | FailedJob) -> str:
    """The name of the file that a job writes."""
    name = job.output_file if isinstance(job, RenderJob) else job.fields["output_file"]
    return str(name)


_Rows = Iterator[tuple[int, Mapping[str, Any], str]]
"""(line, its fields, what is wrong with it)."""


def _jsonl(lines: Iterable[str]) -> _Rows:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row, wrong = None, "not a JSON object"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as e:
            wrong = f"invalid JSON: {e.msg} at column {e.colno}"
        except RecursionError:
            wrong = "invalid JSON: nested too deeply"
        except ValueError as e:
            wrong = f"invalid JSON: {e}"
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
            f"the first line of a CSV list must name its columns, out of {', '.join(FIELDS)}"
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
            cells, wrong = [], f"invalid CSV: {e}"
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


def _job(number: int, row: Mapping[str, Any], base: Request, suffix: str) -> RenderJob:
    if "row" in row and not {"text", "seconds"} & row.keys():
        raise WavegenError("its row could not be read: replace it by text and other fields")
    values: dict[str, Any] = {}
    for name, value in row.items():
        if value is None or name in IGNORED:
            continue
        name = {"speaker_id": "speaker"}.get(name, name)  # as piper calls it
        if name not in FIELDS:
            raise WavegenError(f"unknown field '{name[:40]}' (fields: {', '.join(FIELDS)})")
        values[name] = value
    if "speaker" in values or "speaker_path" in values:  # either replaces both of the base
        base = replace(base, speaker=None, speaker_path=None)
    file = string("output_file", values.pop("output_file", f"{number:06d}{suffix}"))
    job = RenderJob(number, check_name(file, suffix), replace(base, **values))
    if job.request.text is not None and not job.request.text.strip():
        raise WavegenError("the text is empty")
    return job


def check_name(name: str, suffix: str) -> str:
    """A job's file name, with ``suffix`` where it has none.

    Raises:
        WavegenError: it is outside of the folder, or not the name of an audio file.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise WavegenError(f"output_file '{name[:80]}' must be a path inside the folder")
    if not name.isprintable() or "\\" in name or any(len(p.encode()) > 200 for p in path.parts):
        raise WavegenError(f"output_file {name[:80]!r} is not a file name")
    if not path.suffix:
        path = path.with_suffix(suffix)
    if path.suffix.lower() not in SUFFIXES or RESERVED.fullmatch(path.name):
        raise WavegenError(f"output_file '{name[:80]}' must end with one of {', '.join(SUFFIXES)}")
    return str(path)


def list_format(file: Path, first_line: str) -> ListFormat:
    """The format of a job list, from its suffix, or from its first line on standard input.

    Raises:
        WavegenError: it is not a job list.
    """
    if "\0" in first_line:
        raise WavegenError(f"{file} holds zero bytes: a job list must be text")
    suffix = file.suffix.lower()
    if ARRAY.match(first_line):
        raise WavegenError(f"{file} is a JSON array: a job list must have one JSON object per line")
    if suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    if suffix in (".csv", ".tsv"):
        return "csv"
    if first_line.lstrip().startswith("{"):
        return "jsonl"
    _, names = _header(first_line)
    named = not suffix and set(names) <= {*FIELDS, *IGNORED, "speaker_id"}
    return "csv" if named and {"text", "seconds"} & set(names) else "text"
