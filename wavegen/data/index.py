"""The index of a prepared data set, stored by column so that many clips load quickly."""

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

from wavegen.files import atomic_write

FORMAT = 2
FILE = "index.npz"
LOCK = "lock"
SAMPLES = ".i16"
PITCH = "pitch-"
TEXTS = "texts-"

log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """One file in the cache; a tuple, since there may be hundreds of thousands."""

    path: str
    size: int
    mtime_ns: int
    offset: int = 0
    """First sample in the sample file."""
    samples: int = 0
    sha256: str = ""
    """Digest of the source file."""
    source_rate: int = 0
    channels: int = 0
    format: str = ""
    clipped: int = 0
    """Number of samples beyond ±1, which were clipped."""
    trimmed: float = 0.0
    """Seconds of silence trimmed."""
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
    """Name of the sample file, if any."""
    end: int
    """Number of valid samples in it."""
    entries: dict[str, Entry]


def read(folder: Path) -> Index:
    """Read the index of a cache folder; it is empty if missing or damaged."""
    try:
        with np.load(folder / FILE) as table:
            if int(table["version"]) != FORMAT:
                return Index("", 0, {})
            file, end = str(table["sample_file"]), int(table["end"])
            columns = [_values(table[name], dtype) for name, dtype in COLUMNS.items()]
        entries = {e.path: e for e in map(Entry._make, zip(*columns, strict=True))}
        intact = (folder / file).stat().st_size >= 2 * end
        intact = intact and all(e.offset + e.samples <= end for e in entries.values())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return Index("", 0, {})
    return Index(file, end, entries) if intact else Index("", 0, {})


def write(folder: Path, index: Index) -> None:
    """Replace the index atomically; raises `OSError`."""
    rows = list(zip(*index.entries.values(), strict=True)) or [()] * len(COLUMNS)
    table: dict[str, Any] = {"version": FORMAT, "sample_file": index.file, "end": index.end}
    for (name, dtype), values in zip(COLUMNS.items(), rows, strict=True):
        table[name] = _column(values, dtype)
    with atomic_write(folder / FILE) as beside:
        np.savez(beside, **table)


def _column(values: tuple[Any, ...], dtype: type) -> np.ndarray[Any, Any]:
    if dtype is not str:
        return np.array(values, dtype=dtype)
    # Paths, digests and one-line reasons never contain a zero byte.
    text = "\0".join(v.replace("\0", " ") for v in values) + "\0" * bool(values)
    return np.frombuffer(text.encode(errors="replace"), np.uint8)


def _values(column: np.ndarray[Any, Any], dtype: type) -> list[Any]:
    if dtype is not str:
        return list(column.tolist())
    return column.tobytes().decode().split("\0")[:-1]


@contextmanager
def lock(folder: Path, wait: bool = True) -> Iterator[None]:
    """Hold the right to write to a cache folder. A process that dies releases it.

    Raises:
        OSError: the folder can't be written to.
        TimeoutError: another process holds the lock, and ``wait`` is false.
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
    """Remove what killed processes left behind; the caller holds the lock."""
    for p in folder.iterdir():
        if is_ours(p) and p.name not in {*keep, FILE} and not p.name.startswith((PITCH, TEXTS)):
            p.unlink(missing_ok=True)


def is_ours(path: Path) -> bool:
    """Whether a file in a cache folder is prepared data, including partial files and older
    formats."""
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
