"""The inner loops of the aligner, compiled by numba on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])


def _compiled(function: F) -> F:
    try:
        return cast(F, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:  # nowhere to keep it
        return cast(F, numba.njit(nogil=True)(function))


@_compiled
def best_path(
    score: NDArray[np.float32], cells: NDArray[np.int64], leap: NDArray[np.int64], last: int
) -> NDArray[np.int64]:
    """The likeliest way through a chain of states (Rabiner 1989, §III.B), without transition costs.

    Args:
        score: (F, cells) log likelihood of every frame under every cell.
        cells: (N,) cell of each state; a path goes from each state to itself and the next.
        leap: (N,) another state that it may come from, −1 for none, −2 where it may begin.
        last: the other state, beside N − 1, where a path may end.

    Returns:
        (F,) state of each frame.
    """
    frames, count = len(score), len(cells)
    best = np.full(count, -np.inf, np.float32)
    come = np.zeros((frames, count), np.uint8)
    best[0] = score[0, cells[0]]
    for s in range(1, count):
        if leap[s] == -2:
            best[s] = score[0, cells[s]]
    for t in range(1, frames):
        for s in range(count - 1, -1, -1):
            most, how = best[s], 0
            if s > 0 and best[s - 1] > most:
                most, how = best[s - 1], 1
            if leap[s] >= 0 and best[leap[s]] > most:
                most, how = best[leap[s]], 2
            best[s] = most + score[t, cells[s]]
            come[t, s] = how
    s = count - 1
    if best[last] > best[s]:
        s = last
    path = np.empty(frames, np.int64)
    for t in range(frames - 1, -1, -1):
        path[t] = s
        if come[t, s] == 1:
            s -= 1
        elif come[t, s] == 2:
            s = leap[s]
    return path


@_compiled
def _lengthen(
    score: NDArray[np.float32], symbol: int, states: int, paths: NDArray[np.float64], count: int
) -> None:
    """To the likeliest paths through ``count`` states, (count, F) by the frame where they end, add
    those through the states of a symbol more."""
    for s in range(count, count + states):
        cell = symbol * states + s - count
        paths[s, 0] = score[0, cell] if s == 0 else -np.inf
        for t in range(1, len(score)):
            come = paths[s - 1, t - 1] if s else -np.inf
            paths[s, t] = max(come, paths[s, t - 1]) + score[t, cell]


@_compiled
def rivals(
    score: NDArray[np.float32],
    said: NDArray[np.int64],
    symbols: NDArray[np.int64],
    ends: NDArray[np.int64],
    states: int,
) -> float:
    """By how much words are likelier than the one that is said, each by its likeliest path: the sum
    of the log likelihood ratios of all that are.

    Words that begin alike share their paths, and a beginning isn't followed further when even the
    likeliest cells of the frames after it can't make it likelier than the word that is said.

    Args:
        score: (F, cells) log likelihood of every frame under every cell, symbol · states + place.
        said: symbols of the word that is said.
        symbols: of all words, one after the other in lexical order.
        ends: (W,) of each word in them.
        states: of each symbol, from the first to the last.
    """
    frames = len(score)
    longest = len(said)
    for w in range(len(ends)):
        longest = max(longest, ends[w] - (ends[w - 1] if w else 0))
    paths = np.full((longest * states, frames), -np.inf)
    for n in range(len(said)):
        _lengthen(score, said[n], states, paths, n * states)
    own = paths[len(said) * states - 1, frames - 1]
    rest = np.zeros(frames)  # the likeliest that may follow
    for t in range(frames - 2, -1, -1):
        rest[t] = rest[t + 1] + score[t + 1].max()
    excess = 0.0
    known = begin = last = 0
    hopeless = False  # the known beginning, of the last word
    for w in range(len(ends)):
        length = ends[w] - begin
        same = 0
        while same < min(known, length) and symbols[begin + same] == symbols[last + same]:
            same += 1
        if not (hopeless and same == known):
            known, last, hopeless = same, begin, False
            while known < length and not hopeless:
                _lengthen(score, symbols[begin + known], states, paths, known * states)
                known += 1
                hopeless = (paths[known * states - 1] + rest).max() <= own
            if not hopeless and paths[length * states - 1, frames - 1] > own:
                excess += paths[length * states - 1, frames - 1] - own
        begin = ends[w]
    return excess


@_compiled
def gather(
    x: NDArray[np.float32],
    cells: NDArray[np.int64],
    count: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
) -> None:
    """Add the frames x (F, D) to the sums of their cells: count (C,), first, second (C, D)."""
    for t in range(len(x)):
        c = cells[t]
        count[c] += 1
        for d in range(x.shape[1]):
            first[c, d] += x[t, d]
            second[c, d] += x[t, d] * np.float64(x[t, d])
