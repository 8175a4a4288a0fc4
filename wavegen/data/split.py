"""Train, validation and test clips."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from wavegen.data.layouts import Clip

Split = dict[str, list[str]]
"""``train``, ``validation``, ``test`` → paths."""


def split_clips(clips: Sequence[Clip], validation: float, test: float, seed: int) -> Split:
    """Split by clip, the same share of each speaker.

    Clips are ranked by a hash of seed and path, so the split is the same on every machine and
    new clips hardly move old ones. A data set of two clips or more always has one to validate on
    if ``validation`` is above 0.
    """
    by_speaker: dict[str, list[str]] = defaultdict(list)
    for c in clips:
        by_speaker[c.speaker].append(c.path)
    out: Split = {"train": [], "validation": [], "test": []}
    for paths in by_speaker.values():
        ranked = sorted(paths, key=lambda p: _rank(seed, p))
        most = len(ranked) - 1  # one must train
        a = min(round(validation * len(ranked)), most)
        b = min(a + round(test * len(ranked)), most)
        out["validation"] += ranked[:a]
        out["test"] += ranked[a:b]
        out["train"] += ranked[b:]
    if validation > 0 and not out["validation"] and len(out["train"]) > 1:
        largest = max(by_speaker, key=lambda s: len(by_speaker[s]))
        moved = next(p for p in out["train"] if p in by_speaker[largest])
        out["train"].remove(moved)
        out["validation"].append(moved)
    return {k: sorted(v) for k, v in out.items()}


def _rank(seed: int, path: str) -> bytes:
    return hashlib.sha256(f"{seed}/{path}".encode()).digest()
