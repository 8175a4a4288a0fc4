"""F0 of every clip of a prepared data set, found once and kept beside its samples."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wavegen.audio import whole_file
from wavegen.data import index
from wavegen.data.prepare import Prepared
from wavegen.errors import DataError
from wavegen.features import pitch

Track = NDArray[np.float32]

COMMIT_SECONDS = 30.0
"""How often what was found is written: what a killed process loses at most, about."""
SHORT_SECONDS = 120.0
"""Less audio than this is not worth starting other processes for."""


def pitch_tracks(
    prepared: Prepared,
    paths: Sequence[str],
    sample_rate: int,
    hop_length: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Track]:
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
    import joblib

    file = prepared.folder / f"{index.PITCH}{hop_length}.npz"
    known = _read(file)
    digest = {p: prepared.entries[p].sha256 for p in paths}
    missing = {digest[p]: p for p in paths if digest[p] not in known}
    samples = sum(prepared.entries[p].samples for p in missing.values())
    jobs = 1 if samples < SHORT_SECONDS * sample_rate else -1
    work = (
        joblib.delayed(pitch)(
            prepared.audio(p, 0, prepared.entries[p].samples), sample_rate, hop_length
        )
        for p in missing.values()
    )
    written = time.monotonic()
    try:
        found = joblib.Parallel(jobs, return_as="generator")(work)
        for done, (sha256, track) in enumerate(zip(missing, found, strict=True), 1):
            known[sha256] = track
            progress(done, len(missing))
            if time.monotonic() - written > COMMIT_SECONDS:
                _write(file, known)
                written = time.monotonic()
        if missing:
            _write(file, known)
    except OSError as e:
        raise DataError(f"can't write the cache {file}: {e.strerror or e}") from e
    return {p: known[digest[p]] for p in paths}


def _read(file: Path) -> dict[str, Track]:
    try:
        with file.open("rb") as f, np.load(f) as table:
            digests, ends, values = str(table["sha256"]).split(), table["ends"], table["values"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    return dict(zip(digests, np.split(values, ends[:-1]), strict=True)) if digests else {}


def _write(file: Path, known: dict[str, Track]) -> None:
    with whole_file(file) as beside:
        np.savez(
            beside,
            sha256=" ".join(known),
            ends=np.cumsum([len(t) for t in known.values()]),
            values=np.concatenate([*known.values()]),
        )
