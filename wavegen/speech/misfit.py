"""Clips whose transcripts do not match the recordings."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from wavegen.speech.aligner import Aligner
from wavegen.speech.alignment import Words

LOW = 5.0
"""Deviations below the median from which on a score is suspicious."""
RIVALS = 16
"""Other transcripts that a suspicious clip is tested against."""
MARGIN = 2.0
"""Score by which a correct transcript exceeds the best rival."""


def misfits(
    aligner: Aligner,
    features: Callable[[int], Tensor],
    texts: Sequence[Words],
    speakers: Sequence[int],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[float], list[int]]:
    """Find clips with wrong transcripts by means of a fitted aligner.

    Scores also vary with recording quality. Clips far below the median of the data set (by a
    robust deviation, from the median absolute distance) are suspicious only; their transcript is
    wrong if one of other clips' transcripts, of similar length and drawn at random, fits about as
    well.

    Args:
        aligner: the aligner.
        features: (F, D) of a clip, by its index.
        texts: the symbols of the words of each clip.
        speakers: ids.
        progress: called with (clips scored, clips).

    Returns:
        The score of every clip (see `Alignment`), and the indices of the clips that do not fit.
    """
    count = len(texts)
    scores = []
    for i in range(count):
        scores.append(aligner.align(features(i), texts[i], speakers[i]).score)
        progress(i + 1, count)
    finite = np.array([s for s in scores if np.isfinite(s)])
    if not len(finite):
        return scores, list(range(count))
    middle = np.median(finite)
    deviation = 1.4826 * np.median(np.abs(finite - middle))
    length = [sum(len(w) for w in text) for text in texts]
    distinct = list({str(t): i for i, t in enumerate(texts)}.values())
    wrong = []
    for i in range(count):
        if scores[i] >= middle - LOW * deviation:
            continue
        near = sorted(distinct, key=lambda j: abs(length[j] - length[i]))[: 20 * RIVALS]
        near = [j for j in near if texts[j] != texts[i]]
        rivals = random.Random(i).sample(near, min(RIVALS, len(near)))
        x = features(i)
        best = max((aligner.align(x, texts[j], speakers[i]).score for j in rivals), default=0.0)
        if scores[i] < best + MARGIN:
            wrong.append(i)
    return scores, wrong
