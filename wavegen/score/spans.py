"""Bits of the parts of a recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from wavegen.config import ScoreBy
from wavegen.errors import TextError
from wavegen.score import Score


@dataclass(frozen=True)
class Span:
    """A part of a recording."""

    label: str
    """Of a phoneme or word, empty in silence and otherwise."""
    start: float
    """Seconds."""
    end: float
    bits_per_sample: float


def spans(score: Score, by: ScoreBy, frame: float) -> list[Span]:
    """The parts of a recording, which tile it.

    Args:
        score: of the recording.
        by: what they are.
        frame: seconds of a frame.

    Raises:
        TextError: words or phonemes are wanted, and the text isn't known.
    """
    if by in ("phoneme", "word") and not score.phones:
        raise TextError(f"--by {by} needs --text: what is said in the recording")
    return [*_spans(score, by, frame)]


def _spans(score: Score, by: ScoreBy, frame: float) -> Iterator[Span]:
    tier = {"phoneme": score.phones, "word": score.words}.get(by, ())
    length = 1.0 if by == "second" else frame
    edges = [*np.arange(0, score.seconds, length).tolist(), score.seconds]
    parts = [(i.label, i.start, i.end) for i in tier] or [("", *e) for e in pairwise(edges)]
    for label, start, end in parts:
        low, high = (round(t * score.sample_rate) for t in (start, end))
        if high > low:
            yield Span(label, start, end, float(score.bits[low:high].mean()))
