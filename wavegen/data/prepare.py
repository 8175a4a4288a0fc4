"""Decode a data set once into a memory-mapped cache of 16-bit samples.

The cache of a data set is a folder with ``index.json`` and the sample file that it names. An entry
is valid while its file's path, size and modification time and the settings (rate, trimming) are
the same; only what changed is decoded again. The index is replaced last, so a cache is always
whole, also when two processes prepare the same folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wavegen.audio import read_audio, whole_file
from wavegen.cache import default_cache
from wavegen.data.layouts import Clip
from wavegen.errors import DataError

FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """One file in the cache."""

    path: str
    size: int
    mtime_ns: int
    offset: int
    """First sample in the sample file."""
    samples: int
    sha256: str
    """Of the source file's bytes."""
    source_rate: int
    channels: int
    format: str
    clipped: int
    trimmed: float
    problem: str = ""
    """Why the file could not be decoded (then ``samples`` is 0)."""


class Prepared:
    """A prepared data set: entries by path, and their samples as one memory map."""

    def __init__(self, entries: dict[str, Entry], samples: NDArray[np.int16]) -> None:
        self.entries = entries
        self.samples = samples

    def audio(self, path: str, begin: int, end: int) -> NDArray[np.float32]:
        """Mono float32 in [-1, 1], samples begin…end of one clip."""
        offset = self.entries[path].offset
        pcm = self.samples[offset + begin : offset + end]
        audio: NDArray[np.float32] = np.clip(pcm / np.float32(32767.0), -1.0, 1.0)
        return audio


def prepare(
    root: Path,
    clips: Sequence[Clip],
    sample_rate: int,
    trim_db: float = 0.0,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Prepared:
    """Open the cache of ``root``, decoding what is new or changed, in parallel.

    Args:
        root: the data set's folder.
        clips: what to decode, from `layouts.find_clips`.
        sample_rate: rate of the cached samples.
        trim_db: as `read_audio`'s.
        cache: folder of all caches (default: `cache.default_cache`).
        progress: called with (decoded, to decode) as files are done.

    Raises:
        DataError: when the cache can't be written. Files that can't be read raise nothing: their
            entry says why in ``problem``.
    """
    settings = {"format": FORMAT, "root": str(root.resolve()), "rate": sample_rate, "trim": trim_db}
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    folder = (cache or default_cache()) / key
    index, file = _read_index(folder)
    before = _open({e.path: e for e in index}, file)
    old = before.entries
    stamps = {c.path: _stamp(root / c.path) for c in clips}
    stale = [p for p, s in stamps.items() if p not in old or (old[p].size, old[p].mtime_ns) != s]
    # A file that could not be read may have been mended without its time changing.
    broken = [p for p in stamps if p not in set(stale) and old[p].problem]
    settled = (sample_rate, trim_db)
    stale += [p for p in broken if not _decode_one(root, p, stamps[p], *settled)[0].problem]
    if not stale and index:
        return _open({p: old[p] for p in stamps}, file)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        prepared = _decode(root, folder, stamps, before, set(stale), settings, progress)
    except OSError as e:
        raise DataError(f"can't write the cache {folder}: {e.strerror or e}") from e
    if file is not None:  # only what this call replaced: another may be writing its own
        file.unlink(missing_ok=True)
    return prepared


def _decode(
    root: Path,
    folder: Path,
    stamps: dict[str, tuple[int, int]],
    before: Prepared,
    stale: set[str],
    settings: dict[str, Any],
    progress: Callable[[int, int], None],
) -> Prepared:
    def load(path: str) -> tuple[Entry, NDArray[np.int16]]:
        if path not in stale:
            e = before.entries[path]
            return e, np.array(before.samples[e.offset : e.offset + e.samples])
        return _decode_one(root, path, stamps[path], settings["rate"], settings["trim"])

    name = f"{uuid.uuid4().hex}.i16"
    entries: dict[str, Entry] = {}
    offset = done = 0
    try:
        with (folder / name).open("xb") as f, ThreadPoolExecutor(os.cpu_count()) as pool:
            # In batches, so that a large corpus does not pile up in memory before it is written.
            paths = list(stamps)
            for begin in range(0, len(paths), 64):
                for entry, pcm in pool.map(load, paths[begin : begin + 64]):
                    f.write(pcm.tobytes())
                    entries[entry.path] = dataclasses.replace(entry, offset=offset)
                    offset += entry.samples
                    if entry.path in stale:
                        progress(done := done + 1, len(stale))
        with whole_file(folder / "index.json") as beside:
            rows = [dataclasses.asdict(e) for e in entries.values()]
            beside.write_text(json.dumps({**settings, "samples": name, "clips": rows}))
    except BaseException:
        (folder / name).unlink(missing_ok=True)
        raise
    return _open(entries, folder / name)


def _decode_one(
    root: Path, path: str, stamp: tuple[int, int], rate: int, trim_db: float
) -> tuple[Entry, NDArray[np.int16]]:
    try:
        digest = hashlib.sha256((root / path).read_bytes()).hexdigest()
        r = read_audio(root / path, rate, trim_db)
    except (DataError, OSError) as e:
        return Entry(path, *stamp, 0, 0, "", 0, 0, "", 0, 0.0, str(e)), np.zeros(0, np.int16)
    pcm = np.rint(r.audio * 32767.0).astype(np.int16)
    entry = Entry(
        path, *stamp, 0, pcm.size, digest, r.source_rate, r.channels, r.format, r.clipped, r.trimmed
    )
    return entry, pcm


def _stamp(path: Path) -> tuple[int, int]:
    s = path.stat()
    return s.st_size, s.st_mtime_ns


def _read_index(folder: Path) -> tuple[list[Entry], Path | None]:
    """The entries of a cache and its sample file; no entries when it is not whole."""
    try:
        table = json.loads((folder / "index.json").read_text())
        file = folder / table["samples"]
        entries = [Entry(**row) for row in table["clips"]]
        size = file.stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return [], None
    return (entries if size == 2 * sum(e.samples for e in entries) else []), file


def _open(entries: dict[str, Entry], file: Path | None) -> Prepared:
    if file is None or not any(e.samples for e in entries.values()):
        return Prepared(entries, np.zeros(0, np.int16))
    return Prepared(entries, np.memmap(file, dtype=np.int16, mode="r"))
