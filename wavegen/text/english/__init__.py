"""English: numbers, units, abbreviations, addresses and signs as they are read aloud.

Each module reads one kind of thing, by rules in the order in which they are listed.
"""

from __future__ import annotations

import re

from wavegen.text.english.figures import read_numbers
from wavegen.text.english.links import read_links
from wavegen.text.english.sentences import ENDINGS
from wavegen.text.english.words import (
    read_abbreviations,
    read_capitals,
    read_hashes,
    read_names,
    read_signs,
)
from wavegen.text.language import Language

_ITEM = re.compile(r"^\s*\(?(\d{1,2}|[a-z]|[ivx]{1,4})\)(?=\s)")
_BRACKETED = re.compile(r"(?<!\w)[(\[{]([^()\[\]{}]*)[)\]}](?!\w)")


_DATE = re.compile(r"(?<![\d/-])(\d{1,2})[/-](\d{1,2})[/-](?=\d{4}(?![\d/-]))")


def normalise(text: str, known: frozenset[str], language: str) -> str:
    """English text as the words to speak; the arguments are those of `Language.normalise`."""
    shouted = text.isupper() and len(re.findall(r"[^\W\d_]{2,}", text)) > 2
    if language.lower() not in ("en", "en-us"):
        text = _DATE.sub(r"\1.\2.", text)  # the day first, which dots say everywhere
    text = _ITEM.sub(r"\1,", text).replace("(s)", "s")
    text = read_abbreviations(read_links(read_names(text)))
    if any(c.isdecimal() or c == "^" for c in text):
        text = read_numbers(read_hashes(text), known)
    text = _BRACKETED.sub(r", \1, ", text)
    return read_signs(read_capitals(text, shouted))


ENGLISH = Language(normalise, ENDINGS)
