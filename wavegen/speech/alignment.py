"""Which symbol is said when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.mel_scale import CEPSTRA
from wavegen.model.numpy.acoustic import STATES

CHANNELS = 3 * CEPSTRA
"""Of the features that are aligned."""
SILENCE = 0
"""The pause is symbol 0 of every voice."""
PAUSED = -1
"""Word index of a pause."""
Words = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Alignment:
    """Symbols of a clip with their lengths; silences are words of their own."""

    words: tuple[tuple[int, ...], ...]
    frames: tuple[int, ...]
    """Number of frames of each symbol, in order; they sum to those of the clip. A punctuation mark
    without silence has none."""
    score: float = 0.0
    """Mean over the frames of speech of log p(frame | its phoneme) − log p(frame | the likeliest
    state of any): 0 at best, and lower the worse the text fits. −inf if the clip is too short
    for the text."""
    states: tuple[tuple[float, ...], ...] = ()
    """Frames of the three states of each symbol, of equal length by default."""

    def __post_init__(self) -> None:
        if not self.states:
            even = tuple((n / STATES,) * STATES for n in self.frames)
            object.__setattr__(self, "states", even)

    def punctuated(self, symbols: Sequence[str], least: int) -> Alignment:
        """Punctuate by ear what was written without marks: a silence of ``least`` frames or more
        becomes a comma, and the last one a full stop, where ``symbols`` has them."""
        marks = {m: (symbols.index(m),) for m in ",." if m in symbols}
        words, at = [*self.words], 0
        for n, word in enumerate(words):
            last = n == len(words) - 1
            if word == (SILENCE,) and n and (last or self.frames[at] >= least):
                words[n] = marks.get("." if last else ",", word)
            at += len(word)
        return replace(self, words=tuple(words))

    def at_rate(self, ratio: float, frames: int) -> Alignment:
        """Convert to ``frames`` frames that are ``ratio`` times as long."""
        ends = np.minimum(np.rint(np.cumsum(self.frames) / ratio), frames)
        ends[-1] = frames
        begins = np.r_[0, ends[:-1]]
        # The states' ends stay where they are, but within the symbol's whole frames.
        exact = np.cumsum(self.states).reshape(-1, STATES) / ratio
        exact[:, -1] = ends
        exact = np.clip(exact, begins[:, None], ends[:, None])
        states = np.diff(exact, axis=1, prepend=begins[:, None])
        words = enumerate(self.words)
        symbols = [(PAUSED if w == (SILENCE,) else n, p) for n, w in words for p in w]
        return collect(symbols, states, self.score)


def collect(symbols: list[tuple[int, int]], states: NDArray[np.float64], score: float) -> Alignment:
    """Group symbols by word, and drop pauses without frames; (N, 3) frames of the states."""
    frames = states.sum(1).round().astype(int).tolist()
    kept = [n for n, (word, _) in enumerate(symbols) if frames[n] or word != PAUSED]
    words = [tuple(symbols[n][1] for n in g) for _, g in groupby(kept, lambda n: symbols[n][0])]
    lengths = tuple(frames[n] for n in kept)
    return Alignment(tuple(words), lengths, score, tuple(tuple(states[n].tolist()) for n in kept))


def aligner_shapes(symbols: int, speakers: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights of `Aligner`; arguments as of it."""
    gaussians, rows = (symbols, STATES, CHANNELS), (max(speakers, 1), CHANNELS)
    return {"mean": gaussians, "variance": gaussians, "offset": rows, "scale": rows}
