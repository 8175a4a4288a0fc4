"""Match written words with spoken words, some of which espeak-ng joins or splits."""

from __future__ import annotations

import difflib
import functools
import heapq
import math
from collections.abc import Mapping, Sequence

from wavegen.text import LANGUAGE, STRESS, phonemes

STEPS = ((1, 1), (2, 1), (3, 1), (4, 1), (1, 2), (1, 3), (1, 4))
"""Numbers of written and of spoken words in a group."""
SLACK = 4
"""Most words by which the written text may run ahead of the spoken one, or lag behind."""
Group = tuple[range, range]


def pair_words(
    words: Sequence[str], phones: Sequence[Sequence[str]], language: str = LANGUAGE
) -> list[Group]:
    """Group the written and the spoken words of a clip that correspond.

    The best grouping is the one with the fewest phonemes that differ from those of the written
    words in isolation.

    Args:
        words: as written.
        phones: phonemes of each spoken word.
        language: of the words, as an espeak-ng code.

    Returns:
        The indices into ``words`` and ``phones`` of each group, in order; a single group if no
        grouping is found.
    """
    if len(words) == len(phones):
        return [(range(i, i + 1), range(i, i + 1)) for i in range(len(words))]
    slack = abs(len(words) - len(phones)) + SLACK
    # Dijkstra's search: most groups fit without a difference, so that few others are looked at.
    queue: list[tuple[float, int, int]] = [(0.0, 0, 0)]
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {(0, 0): (0.0, (0, 0))}
    while queue:
        cost, i, j = heapq.heappop(queue)
        if (i, j) == (len(words), len(phones)):
            return _groups(best, i, j)
        if cost > best[i, j][0] or abs(i - j) > slack:
            continue
        for a, b in STEPS:
            if i + a > len(words) or j + b > len(phones):
                continue
            apart = _apart(
                [p for word in words[i : i + a] for p in _alone(word, language)],
                [p.lstrip(STRESS) for spoken in phones[j : j + b] for p in spoken],
            )
            total = cost + apart + 0.1 * (a + b - 2)
            if total < best.get((i + a, j + b), (math.inf, (0, 0)))[0]:
                best[i + a, j + b] = total, (i, j)
                heapq.heappush(queue, (total, i + a, j + b))
    return [(range(len(words)), range(len(phones)))]


def _groups(
    best: Mapping[tuple[int, int], tuple[float, tuple[int, int]]], i: int, j: int
) -> list[Group]:
    """The groups on the way from the beginning to (i, j)."""
    groups: list[Group] = []
    while i or j:
        a, b = best[i, j][1]
        groups.append((range(a, i), range(b, j)))
        i, j = a, b
    return groups[::-1]


def _apart(a: list[str], b: list[str]) -> int:
    """Number of phonemes of either that have no match in the other."""
    blocks = difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return len(a) + len(b) - 2 * sum(m.size for m in blocks)


@functools.lru_cache(16384)
def _alone(word: str, language: str) -> tuple[str, ...]:
    return tuple(p.lstrip(STRESS) for w in phonemes([word], language) for p in w)
