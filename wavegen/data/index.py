"""The index of a prepared data set: a table in columns, quick to read with many clips."""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np

from wavegen.files import whole_file

FORMAT = 2
FILE = "index.npz"
LOCK = "lock"
SAMPLES = ".i16"
PITCH = "pitch-"
TEXTS = "texts-"

log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """One file in the cache. A tuple, since there may be hundreds of thousands."""

    path: str
    size: int
    mtime_ns: int
    offset: int = 0
    """First sample in the sample file."""
    samples: int = 0
    sha256: str = ""
    """Of the source file's bytes."""
    source_rate: int = 0
    channels: int = 0
    format: str = ""
    clipped: int = 0
    """Samples beyond ±1 that were clipped."""
    trimmed: float = 0.0
    """Seconds of silence cut off."""
    rms: float = 0.0
    """Root mean square of the samples, full scale 1."""
    peak: float = 0.0
    """Largest magnitude of the samples."""
    problem: str = ""
    """Why the file could not be decoded (then ``samples`` is 0)."""


COLUMNS: dict[str, type] = get_type_hints(Entry)


@dataclass
class Index:
    file: str
    """Name of the sample file; empty where there is none."""
    end: int
    """Samples of it that count."""
    entries: dict[str, Entry]


def read(folder: Path) -> Index:
    """The index of a cache folder; an empty one where there is none, or it is not whole."""
    try:
        with np.load(folder / FILE) as table:
            if int(table["version"]) != FORMAT:
                return Index("", 0, {})
            file, end = str(table["sample_file"]), int(table["end"])
            columns = [_values(table[name], kind) for name, kind in COLUMNS.items()]
        entries = {e.path: e for e in map(Entry._make, zip(*columns, strict=True))}
        whole = (folder / file).stat().st_size >= 2 * end
        whole = whole and all(e.offset + e.samples <= end for e in entries.values())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return Index("", 0, {})
    return Index(file, end, entries) if whole else Index("", 0, {})


def write(folder: Path, index: Index) -> None:
    """Replace the index at once; raises OSError."""
    rows = list(zip(*index.entries.values(), strict=True)) or [()] * len(COLUMNS)
    table: dict[str, Any] = {"version": FORMAT, "sample_file": index.file, "end": index.end}
    for (name, kind), values in zip(COLUMNS.items(), rows, strict=True):
        table[name] = _column(values, kind)
    with whole_file(folder / FILE) as beside:
        np.savez(beside, **table)


def _column(values: tuple[Any, ...], kind: type) -> np.ndarray[Any, Any]:
    if kind is not str:
        return np.array(values, dtype=kind)
    # Of all strings only these never hold a zero byte: paths, digests, and one line of reason.
    text = "\0".join(v.replace("\0", " ") for v in values) + "\0" * bool(values)
    return np.frombuffer(text.encode(errors="replace"), np.uint8)


def _values(column: np.ndarray[Any, Any], kind: type) -> list[Any]:
    if kind is not str:
        return list(column.tolist())
    return column.tobytes().decode().split("\0")[:-1]


@contextmanager
def lock(folder: Path, wait: bool = True) -> Iterator[None]:
    """The right to write a cache folder; the system frees it when a process ends in any way.

    Raises:
        OSError: the folder can't be written; TimeoutError: another holds it, without ``wait``.
    """
    import filelock

    held = filelock.FileLock(folder / LOCK)
    try:
        held.acquire(timeout=0)
    except filelock.Timeout:
        if not wait:
            raise
        log.info("another process is preparing the same folder; waiting for it")
        held.acquire()
    try:
        yield
    finally:
        held.release()


def tidy(folder: Path, keep: Collection[str]) -> None:
    """Remove what killed processes left behind; call with the lock held."""
    for p in folder.iterdir():
        if is_ours(p) and p.name not in {*keep, FILE} and not p.name.startswith((PITCH, TEXTS)):
            p.unlink(missing_ok=True)


def is_ours(path: Path) -> bool:
    """Whether a file in a cache folder holds prepared data (also half-written, or of an older
    format)."""
    name = path.name
    old = name == "index.json"
    ours = name == FILE or old or path.suffix == SAMPLES
    return ours or name.startswith((".wavegen-", PITCH, TEXTS))


def folders(cache: Path) -> list[Path]:
    """The folders of prepared data sets in a cache folder."""
    if not cache.is_dir():
        return []
    named = [p for p in sorted(cache.iterdir()) if re.fullmatch("[0-9a-f]{16}", p.name)]
    return [p for p in named if p.is_dir() and any(is_ours(f) for f in p.iterdir())]
