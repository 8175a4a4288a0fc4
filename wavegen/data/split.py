"""Training, validation and test clips."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from wavegen.data.clip import Clip

Split = dict[str, list[str]]
"""``train``, ``validation``, ``test`` → paths."""


def split_clips(
    clips: Sequence[Clip], validation: float, test: float, seed: int, fold: str = ""
) -> Split:
    """Split clips, stratified by speaker.

    Clips are ranked by a hash of seed and path, so the split is the same on every machine, and new
    clips hardly change the part of old ones. If ``validation`` is above 0, at least one clip of
    every speaker with two or more is held out to validate on. With ``fold`` K/N the test set is
    every N-th clip from the K-th on, so the N test sets partition the data (except that a speaker's
    only clip is always used for training).

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
        a = min(max(round(validation * len(ranked)), validation > 0), most)
        b = min(a + (0 if n else round(test * len(ranked))), most)
        out["validation"] += rest[:a]
        out["test"] += held + rest[a:b]
        out["train"] += rest[b:]
    return {k: sorted(v) for k, v in out.items()}


def _rank(seed: int, path: str) -> bytes:
    return hashlib.sha256(f"{seed}/{path}".encode()).digest()
