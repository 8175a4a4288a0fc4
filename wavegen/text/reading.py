"""A text to sentences of words and marks, as they are read aloud."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from wavegen.text.english.numbers import read_numbers, read_plain_numbers
from wavegen.text.english.sentences import sentences
from wavegen.text.english.words import (
    read_abbreviations,
    read_capitals,
    read_hashes,
    read_links,
    read_signs,
)
from wavegen.text.espeak import LANGUAGE
from wavegen.text.raw import BLOCK, raw_words

MARKS = (",", ".", "?", "!")
"""What is kept of punctuation: ``;`` ``:`` and dashes are a comma, ``…`` is a full stop."""
STRENGTH = ",.!?"
FEW = 100
"""A voice with fewer words than this says no others well."""
_FOLDED = re.compile(r"[;:,]|--+|[–—]|(?<=\s)-(?=\s)")
_TOKEN = re.compile(r"[,.?!]|[^\s,.?!]+")
_OTHER = re.compile(r"[\"()\[\]{}<>~*/\\^_|#-]|(?<!\w)'|'(?!\w)")
_SIGN = re.compile(r"([&+=@%§©°×÷±≤≥≠≈∞−$£€¥₹¢])")


def normalise(
    text: str, vocabulary: Collection[str] = (), language: str = LANGUAGE
) -> Iterator[list[str]]:
    """The sentences of a text, one by one, as the words to speak and the marks between them.

    Args:
        text: anything.
        vocabulary: words the voice has heard. Where they are but a few and a number's words are
            not among them, but its digits' names are, it is read by digits (so "427" is "four
            two seven" to a voice that knows digits).
        language: of espeak-ng. Abbreviations, units, money, dates and the like are read in
            English alone; numbers where num2words knows the language.

    Yields:
        Of each sentence with a word: lower-case words ("A" is the letter's name, "a" the
        article), raw phonemes in ``[[…]]`` a word each, and `MARKS`; there is never one first,
        or two in a row, and always one last.
    """
    few = frozenset(vocabulary) if len(vocabulary) < FEW else frozenset()
    english = language.lower().split("-")[0] == "en"
    for sentence in sentences(text):
        tokens: list[str] = []
        for part in re.split(f"({BLOCK})", sentence):
            if part.startswith("[["):
                new = [w if w in MARKS else f"[[{w}]]" for w in raw_words(part[2:-2])]
            else:
                part = _english(part, few) if english else _other(part, language)
                new = _TOKEN.findall(_OTHER.sub(" ", _FOLDED.sub(",", part)))
            for token in new:
                _add(tokens, token)
        if tokens:
            if tokens[-1] == ",":
                tokens[-1] = "."
            _add(tokens, ".")
            yield tokens


def _english(text: str, few: frozenset[str]) -> str:
    shouted = text.isupper() and len(text) > 5
    text = read_abbreviations(read_links(text))
    if any(c.isdecimal() for c in text):
        text = read_numbers(read_hashes(text), few)
    return read_signs(read_capitals(read_hashes(text), shouted))


def _other(text: str, language: str) -> str:
    if any(c.isdecimal() for c in text):
        text = read_plain_numbers(text, language)
    return _SIGN.sub(r" \1 ", text.lower())  # espeak-ng knows the names of the signs


def _add(tokens: list[str], token: str) -> None:
    """Append a word, or a mark; of marks in a row the strongest counts."""
    if token not in MARKS:
        if any(c.isalnum() for c in token) or _SIGN.fullmatch(token):
            tokens.append(token)
    elif tokens and tokens[-1] in MARKS:
        tokens[-1] = max(tokens[-1], token, key=STRENGTH.index)
    elif tokens:
        tokens.append(token)
