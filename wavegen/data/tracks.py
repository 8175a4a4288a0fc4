"""F0 of every clip of a prepared data set, cached with its samples.

As for the samples, there is a file that is only appended to, and an index that tells how much of it
is valid.
"""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.features import pitch
from wavegen.data import index
from wavegen.data.prepare import Prepared
from wavegen.errors import DataError
from wavegen.files import atomic_write

ALGORITHM = 4
"""Version of `pitch`: a track that another version found is found again."""
COMMIT_SECONDS = 30.0
"""Interval between writes of the index, which is about the most that a killed process loses."""
SHORT_SECONDS = 120.0
"""Less audio than this is processed without starting other processes."""
STORED = np.dtype("<f2")
"""Half precision: within a cent at 500 Hz."""
Spans = dict[str, tuple[int, int]]
"""SHA-256 of a clip's file → first and end frame."""


class Tracks:
    """F0 of clips by path, read from disk on access."""

    def __init__(self, values: NDArray[np.float16], spans: Spans) -> None:
        self.values = values
        self.spans = spans
        """First and end frame by path."""

    def __getitem__(self, path: str) -> NDArray[np.float32]:
        """(F,) Hz, 0 where unvoiced."""
        begin, end = self.spans[path]
        return self.values[begin:end].astype(np.float32)

    def __contains__(self, path: str) -> bool:
        return path in self.spans


def no_tracks() -> Tracks:
    """Tracks of a data set whose features do not include F0."""
    return Tracks(np.zeros(0, np.float16), {})


def pitch_tracks(
    prepared: Prepared,
    paths: Sequence[str],
    sample_rate: int,
    hop_length: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tracks:
    """Return the F0 (`pitch`) of each clip, from the cache or estimated in parallel.

    Args:
        prepared: the data set.
        paths: its clips.
        sample_rate: Hz.
        hop_length: samples per frame.
        progress: called with (done, to do) clips.

    Raises:
        DataError: the cache can't be written.
    """
    file = prepared.folder / f"{index.PITCH}{ALGORITHM}-{hop_length}.f16"
    spans = _read(file)
    digests = {p: prepared.entries[p].sha256 for p in paths}
    if any(d not in spans for d in digests.values()):
        try:
            with index.lock(prepared.folder):
                spans = _read(file)  # another process may have written it
                missing = {d: p for p, d in digests.items() if d not in spans}
                _find(file, spans, missing, prepared, sample_rate, hop_length, progress)
        except OSError as e:
            raise DataError(f"can't write the cache {file}: {e.strerror or e}") from e
    if not paths:
        return no_tracks()
    values = np.memmap(file, STORED, "r")
    return Tracks(values, {p: spans[d] for p, d in digests.items()})


def _find(
    file: Path,
    spans: Spans,
    missing: dict[str, str],
    prepared: Prepared,
    sample_rate: int,
    hop_length: int,
    progress: Callable[[int, int], None],
) -> None:
    """Add the ``missing`` clips (SHA-256 → path); the caller holds the lock."""
    import joblib

    lengths = {p: prepared.entries[p].samples for p in missing.values()}
    short = sum(lengths.values()) < SHORT_SECONDS * sample_rate
    work = (
        joblib.delayed(pitch)(prepared.audio(p, 0, n), sample_rate, hop_length)
        for p, n in lengths.items()
    )
    found = joblib.Parallel(1 if short else -1, return_as="generator")(work)
    end = max((e for _, e in spans.values()), default=0)
    file.touch()
    with file.open("r+b") as f:
        f.truncate(STORED.itemsize * end)  # drop what was written after the last commit
        f.seek(STORED.itemsize * end)

        def commit() -> None:
            f.flush()
            os.fsync(f.fileno())
            _write(file, spans)

        last = time.monotonic()
        try:
            for done, (sha256, track) in enumerate(zip(missing, found, strict=True), 1):
                f.write(track.astype(STORED).tobytes())
                spans[sha256] = end, end + len(track)
                end += len(track)
                progress(done, len(missing))
                if time.monotonic() - last > COMMIT_SECONDS:
                    commit()
                    last = time.monotonic()
        finally:  # also after an interrupt
            commit()


def _read(file: Path) -> Spans:
    """Read the index; it is empty if missing or damaged."""
    try:
        with file.with_suffix(".npz").open("rb") as f, np.load(f) as table:
            digests, ends = str(table["sha256"]).split(), table["ends"].tolist()
        if file.stat().st_size < STORED.itemsize * (ends[-1] if ends else 0):
            return {}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    return dict(zip(digests, zip([0, *ends], ends, strict=False), strict=True))


def _write(file: Path, spans: Spans) -> None:
    with atomic_write(file.with_suffix(".npz")) as beside:
        ends = np.array([e for _, e in spans.values()], np.int64)
        np.savez(beside, sha256=np.array(" ".join(spans)), ends=ends)
