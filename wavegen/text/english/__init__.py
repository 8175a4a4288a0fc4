"""English: numbers, units, abbreviations, addresses and signs as they are read aloud."""

from __future__ import annotations

from wavegen.text.english.numbers import read_numbers
from wavegen.text.english.sentences import ENDINGS
from wavegen.text.english.words import (
    read_abbreviations,
    read_capitals,
    read_hashes,
    read_links,
    read_signs,
)
from wavegen.text.language import Language


def normalise(text: str, known: frozenset[str], language: str) -> str:
    """English text as the words to speak; the arguments are those of `Language.normalise`."""
    shouted = text.isupper() and len(text) > 5
    text = read_abbreviations(read_links(text))
    if any(c.isdecimal() for c in text):
        text = read_numbers(read_hashes(text), known)
    return read_signs(read_capitals(read_hashes(text), shouted))


ENGLISH = Language(normalise, ENDINGS)
