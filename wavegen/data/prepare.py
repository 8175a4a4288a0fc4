"""Decode a data set once into a memory-mapped cache of 16-bit samples.

The cache of a data set is a folder with `index.npz` and the sample file that it names. The sample
file is only appended to, and the index, replaced every few seconds, tells how much of it is valid:
a cache is consistent at any moment, and a killed process resumes where it last wrote the index. An
entry is valid as long as its file's path, size and modification time stay the same; only changed
files are decoded again. One process writes at a time, and others wait for it.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.reading import read_audio
from wavegen.cache import default_cache
from wavegen.data import index
from wavegen.data.clip import Clip
from wavegen.data.index import Entry, Index
from wavegen.errors import DataError

COMMIT_SECONDS = 5.0
"""Interval between writes of the index, which is about the most that a killed process loses."""
COMMIT_SHARE = 0.05
"""Upper limit of the fraction of time spent on writing the index."""


class Prepared:
    """A prepared data set: entries by path, and a memory map of their samples."""

    def __init__(
        self,
        folder: Path,
        entries: dict[str, Entry],
        samples: NDArray[np.int16],
        gains: Mapping[str, float] | None = None,
    ) -> None:
        self.folder = folder
        self.entries = entries
        self.samples = samples
        self.gains = gains or {}
        """Factors of the samples of clips, 1 by default."""

    def audio(self, path: str, begin: int, end: int) -> NDArray[np.float32]:
        """Samples ``begin`` to ``end`` of a clip: mono float32 in [-1, 1]."""
        offset = self.entries[path].offset
        pcm = self.samples[offset + begin : offset + end]
        gain = np.float32(self.gains.get(path, 1.0) / 32767.0)
        audio: NDArray[np.float32] = np.clip(pcm * gain, -1.0, 1.0)
        return audio


def prepare(
    root: Path,
    clips: Sequence[Clip],
    sample_rate: int,
    trim_db: float = 0.0,
    padding: float = 0.0,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Prepared:
    """Open the cache of ``root``, and decode new and changed files in parallel.

    Args:
        root: the data set's folder.
        clips: the clips to decode, from `layouts.find_clips`.
        sample_rate: rate of the cached samples.
        trim_db: as in `read_audio`.
        padding: likewise.
        cache: folder of all caches (default: `cache.default_cache`).
        progress: called with (decoded, to decode) after each file.

    Raises:
        DataError: the cache can't be written, or a clip has disappeared. Unreadable files raise
            nothing: the ``problem`` of their entry says why.
    """
    settings = {"root": str(root.resolve()), "rate": sample_rate, "trim": trim_db}
    if padding:
        settings["padding"] = padding
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    folder = (cache or default_cache()) / key
    paths = [c.path for c in clips]

    def decode(path: str) -> tuple[Entry, NDArray[np.int16]]:
        return _decode_one(root, path, sample_rate, trim_db, padding)

    have = index.read(folder)
    if _stale(have, root, paths, decode):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with index.lock(folder):
                have = index.read(folder)  # another process may have written it
                stale = _stale(have, root, paths, decode)
                have = _write(folder, have, paths, stale, decode, progress)
        except OSError as e:
            raise DataError(
                f"can't write the cache {folder}: {e.strerror or e}; what it holds is kept, and "
                "--cache-dir names another folder"
            ) from e
    return Prepared(folder, have.entries, _open(folder, have))


def clear(cache: Path | None = None) -> tuple[int, int]:
    """Remove all prepared data from a cache folder, and nothing else.

    Returns:
        (data sets, bytes) removed.

    Raises:
        DataError: another process is writing there, or a file can't be removed.
    """
    count = size = 0
    for folder in index.folders(cache or default_cache()):
        try:
            with index.lock(folder, wait=False):
                files = [p for p in folder.iterdir() if index.is_ours(p)]
                size += sum(p.stat().st_size for p in files)
                for p in sorted(files, key=lambda p: p.name != index.FILE):  # the index first
                    p.unlink()
                (folder / index.LOCK).unlink(missing_ok=True)
            with suppress(OSError):  # it contains other files
                folder.rmdir()
        except TimeoutError as e:
            raise DataError(f"{folder} is being prepared by another process; stop it first") from e
        except OSError as e:
            raise DataError(f"can't clear the cache {folder}: {e.strerror or e}") from e
        count += 1
    return count, size


Decode = Callable[[str], tuple[Entry, NDArray[np.int16]]]


def _stale(have: Index, root: Path, paths: Sequence[str], decode: Decode) -> list[str]:
    """Paths that are new, have changed, or have become readable."""
    stale, broken = [], []
    for p in paths:
        entry, stamp = have.entries.get(p), _stamp(root, p)
        if entry is None or (entry.size, entry.mtime_ns) != stamp:
            stale.append(p)
        elif entry.problem:
            broken.append(p)  # it may have been repaired without a new modification time
    return stale + [e.path for e, _ in _in_parallel(decode, broken) if not e.problem]


def _write(
    folder: Path,
    have: Index,
    paths: Sequence[str],
    stale: Sequence[str],
    decode: Decode,
    progress: Callable[[int, int], None],
) -> Index:
    """Decode ``stale`` into the cache; the caller holds the lock."""
    changed = set(stale)
    entries = {p: have.entries[p] for p in paths if p not in changed}
    new = Index(have.file, have.end, entries)
    if sum(e.samples for e in entries.values()) < have.end // 2 or not have.file:
        new = _compact(folder, have, entries)  # mostly files that changed or disappeared
    index.tidy(folder, {have.file, new.file})

    def commit() -> None:
        f.flush()
        os.fsync(f.fileno())
        index.write(folder, new)

    with (folder / new.file).open("r+b") as f:
        f.truncate(2 * new.end)  # drop what was written after the last commit
        f.seek(2 * new.end)
        try:
            last, cost = time.monotonic(), 0.0
            for done, (entry, pcm) in enumerate(_in_parallel(decode, stale), 1):
                f.write(pcm.tobytes())
                new.entries[entry.path] = entry._replace(offset=new.end)
                new.end += entry.samples
                progress(done, len(stale))
                now = time.monotonic()
                if now - last > max(COMMIT_SECONDS, cost / COMMIT_SHARE):
                    commit()
                    last = time.monotonic()
                    cost = last - now
        finally:  # also after an interrupt
            commit()
    index.tidy(folder, {new.file})
    return new


def _compact(folder: Path, have: Index, entries: dict[str, Entry]) -> Index:
    """Copy the entries' samples to a new sample file; the index still names the old one."""
    samples = _open(folder, have)
    new = Index(f"{uuid.uuid4().hex}{index.SAMPLES}", 0, {})
    with (folder / new.file).open("xb") as f:
        for e in entries.values():
            f.write(samples[e.offset : e.offset + e.samples].tobytes())
            new.entries[e.path] = e._replace(offset=new.end)
            new.end += e.samples
    return new


def _in_parallel(decode: Decode, paths: Sequence[str]) -> Iterator[tuple[Entry, NDArray[np.int16]]]:
    """Decode paths in order, only a few ahead of their use to save memory."""
    threads = os.cpu_count() or 1
    waiting: deque[Future[tuple[Entry, NDArray[np.int16]]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for p in paths:
                waiting.append(pool.submit(decode, p))
                if len(waiting) > 4 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _decode_one(
    root: Path, path: str, rate: int, trim_db: float, padding: float
) -> tuple[Entry, NDArray[np.int16]]:
    stamp = _stamp(root, path)  # first, so that a file that changes meanwhile is decoded again
    try:
        digest = hashlib.sha256((root / path).read_bytes()).hexdigest()
        r = read_audio(root / path, rate, trim_db, padding)
    except (DataError, OSError) as e:
        return Entry(path, *stamp, problem=str(e)), np.zeros(0, np.int16)
    pcm = np.rint(r.audio * 32767.0).astype(np.int16)
    entry = Entry(
        path,
        *stamp,
        samples=pcm.size,
        sha256=digest,
        source_rate=r.source_rate,
        channels=r.channels,
        format=r.format,
        clipped=r.clipped,
        trimmed=r.trimmed,
        rms=float(np.sqrt(np.mean(r.audio**2, dtype=np.float64))) if pcm.size else 0.0,
        peak=float(np.abs(r.audio).max(initial=0.0)),
    )
    return entry, pcm


def _stamp(root: Path, path: str) -> tuple[int, int]:
    try:
        s = os.stat(f"{root}/{path}")  # noqa: PTH116 (a Path for each of many files is slow)
    except OSError as e:
        raise DataError(f"can't read {root / path}: {e.strerror}") from e
    return s.st_size, s.st_mtime_ns


def _open(folder: Path, have: Index) -> NDArray[np.int16]:
    if not have.end:
        return np.zeros(0, np.int16)
    return np.memmap(folder / have.file, dtype=np.int16, mode="r", shape=(have.end,))
