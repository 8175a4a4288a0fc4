"""A rule of reading: a pattern, and the words for what it matches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from re import Match

Reader = Callable[[Match[str]], str | None]
"""Words for a match, or None to leave it as it is."""
Rule = tuple[re.Pattern[str], Reader]


def rules(*pairs: tuple[str, Reader | str]) -> list[Rule]:
    """Compile rules; words that are the same for every match stand for their reader."""
    return [(re.compile(p), _always(read) if isinstance(read, str) else read) for p, read in pairs]


def _always(words: str) -> Reader:
    return lambda m: words


def apply(order: Iterable[Rule], text: str) -> str:
    """Replace what rules match, one rule after the other."""
    for pattern, read in order:

        def replace(m: Match[str], read: Reader = read) -> str:
            words = read(m)
            return m[0] if words is None else f" {words.strip()} "

        text, count = pattern.subn(replace, text)
        if count:
            text = re.sub("  +", " ", text)
    return text


def either(names: Iterable[str]) -> str:
    """A pattern for any of the names, the longest first."""
    return "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
