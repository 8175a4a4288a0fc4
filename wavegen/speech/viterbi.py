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
