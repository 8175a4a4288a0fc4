"""F0 of every clip of a prepared data set, found once and kept beside its samples.

As with the samples there is a file that only grows, and an index that tells how much of it counts.
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
from wavegen.files import whole_file

COMMIT_SECONDS = 30.0
"""How often the index is written: what a killed process loses at most, about."""
SHORT_SECONDS = 120.0
"""Less audio than this is not worth starting other processes for."""
STORED = np.dtype("<f2")
"""Within a cent at 500 Hz."""
Spans = dict[str, tuple[int, int]]
"""SHA-256 of a clip's file to first and end frame."""


class Tracks:
    """F0 of clips by path, read from the disk as they are asked for."""

    def __init__(self, values: NDArray[np.float16], spans: Spans) -> None:
        self.values = values
        self.spans = spans
        """By path."""

    def __getitem__(self, path: str) -> NDArray[np.float32]:
        """(F,) Hz, 0 where there is no voice."""
        begin, end = self.spans[path]
        return self.values[begin:end].astype(np.float32)

    def __contains__(self, path: str) -> bool:
        return path in self.spans


def no_tracks() -> Tracks:
    """Of data whose features need none."""
    return Tracks(np.zeros(0, np.float16), {})


def pitch_tracks(
    prepared: Prepared,
    paths: Sequence[str],
    sample_rate: int,
    hop_length: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tracks:
    """`pitch` of each clip, from the cache or found in parallel.

    Args:
        prepared: the data set.
        paths: of its clips.
        sample_rate: of its samples.
        hop_length: samples per frame.
        progress: called with (found, to find) clips.

    Raises:
        DataError: the cache can't be written.
    """
    file = prepared.folder / f"{index.PITCH}{hop_length}.f16"
    spans = _read(file)
    digests = {p: prepared.entries[p].sha256 for p in paths}
    if any(d not in spans for d in digests.values()):
        try:
            with index.lock(prepared.folder):
                spans = _read(file)  # another process may have found them meanwhile
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
    """Add the ``missing`` clips (SHA-256 → path); call with the lock held."""
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
        f.truncate(STORED.itemsize * end)  # what was written after the last commit does not count
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
        finally:  # an interrupt keeps what is found, too
            commit()


def _read(file: Path) -> Spans:
    """Of the frames that are on the disk; none where the index is not whole."""
    try:
        with file.with_suffix(".npz").open("rb") as f, np.load(f) as table:
            digests, ends = str(table["sha256"]).split(), table["ends"].tolist()
        if file.stat().st_size < STORED.itemsize * (ends[-1] if ends else 0):
            return {}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    return dict(zip(digests, zip([0, *ends], ends, strict=False), strict=True))


def _write(file: Path, spans: Spans) -> None:
    with whole_file(file.with_suffix(".npz")) as beside:
        ends = np.array([e for _, e in spans.values()], np.int64)
        np.savez(beside, sha256=np.array(" ".join(spans)), ends=ends)
