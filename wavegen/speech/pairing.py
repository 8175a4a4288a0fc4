"""Match written words with spoken words, some of which espeak-ng joins or splits."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Sequence

from wavegen.text import STRESS, phonemes

STEPS = ((1, 1), (2, 1), (3, 1), (4, 1), (1, 2), (1, 3), (1, 4))
"""Numbers of written and of spoken words in a group."""
SLACK = 4
"""Most words by which the written text may run ahead of the spoken one, or lag behind."""
Group = tuple[range, range]


def pair_words(words: Sequence[str], phones: Sequence[Sequence[str]]) -> list[Group]:
    """Group the written and the spoken words of a clip that correspond.

    The best grouping is the one with the fewest phonemes that differ from those of the written
    words in isolation.

    Args:
        words: as written.
        phones: phonemes of each spoken word.

    Returns:
        The indices into ``words`` and ``phones`` of each group, in order; a single group if no
        grouping is found.
    """
    if len(words) == len(phones):
        return [(range(i, i + 1), range(i, i + 1)) for i in range(len(words))]
    slack = abs(len(words) - len(phones)) + SLACK
    best: dict[tuple[int, int], tuple[float, list[Group]]] = {(0, 0): (0.0, [])}
    for i in range(len(words)):
        for j in range(max(0, i - slack), min(len(phones), i + slack + 1)):
            if (i, j) not in best:
                continue
            cost, groups = best[i, j]
            for a, b in STEPS:
                if i + a > len(words) or j + b > len(phones):
                    continue
                written, spoken = range(i, i + a), range(j, j + b)
                apart = _apart(
                    [p for n in written for p in _alone(words[n])],
                    [p.lstrip(STRESS) for n in spoken for p in phones[n]],
                )
                total = cost + apart + 0.1 * (a + b - 2)
                if total < best.get((i + a, j + b), (float("inf"), []))[0]:
                    best[i + a, j + b] = total, [*groups, (written, spoken)]
    everything = [(range(len(words)), range(len(phones)))]
    return best.get((len(words), len(phones)), (0.0, everything))[1]


def _apart(a: list[str], b: list[str]) -> int:
    """Number of phonemes of either that have no match in the other."""
    blocks = difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return len(a) + len(b) - 2 * sum(m.size for m in blocks)


@functools.lru_cache(16384)
def _alone(word: str) -> tuple[str, ...]:
    return tuple(p.lstrip(STRESS) for w in phonemes([word]) for p in w)
