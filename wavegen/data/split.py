"""Training, validation and test clips."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from wavegen.data.layouts import Clip

Split = dict[str, list[str]]
"""``train``, ``validation``, ``test`` → paths."""


def split_clips(
    clips: Sequence[Clip], validation: float, test: float, seed: int, fold: str = ""
) -> Split:
    """Split clips, stratified by speaker.

    Clips are ranked by a hash of seed and path, so the split is the same on every machine, and new
    clips hardly change the part of old ones. A data set of two or more clips always has one to
    validate on if ``validation`` is above 0. With ``fold`` K/N the test set is every N-th clip from
    the K-th on, so the N test sets partition the data (except that a speaker's only clip is always
    used for training).

    Args:
        clips: the usable clips.
        validation: fraction of each speaker's clips.
        test: likewise; unused with ``fold``.
        seed: of the ranking.
        fold: ``K/N``, or empty.
    """
    k, n = map(int, fold.split("/")) if fold else (1, 0)
    by_speaker: dict[str, list[str]] = defaultdict(list)
    for c in clips:
        by_speaker[c.speaker].append(c.path)
    out: Split = {"train": [], "validation": [], "test": []}
    for paths in by_speaker.values():
        ranked = sorted(paths, key=lambda p: _rank(seed, p))
        held = ranked[k - 1 :: n] if n else []
        rest = [p for i, p in enumerate(ranked) if not n or i % n != k - 1]
        if not rest:  # one is needed to train on
            held, rest = [], held
        most = len(rest) - 1  # likewise
        a = min(round(validation * len(ranked)), most)
        b = min(a + (0 if n else round(test * len(ranked))), most)
        out["validation"] += rest[:a]
        out["test"] += held + rest[a:b]
        out["train"] += rest[b:]
    if validation > 0 and not out["validation"] and len(out["train"]) > 1:
        largest = max(by_speaker, key=lambda s: len(by_speaker[s]))
        moved = next(p for p in out["train"] if p in by_speaker[largest])
        out["train"].remove(moved)
        out["validation"].append(moved)
    return {k: sorted(v) for k, v in out.items()}


def _rank(seed: int, path: str) -> bytes:
    return hashlib.sha256(f"{seed}/{path}".encode()).digest()
