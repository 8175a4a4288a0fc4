"""Any language without a folder of its own: numbers by num2words, the rest left to espeak-ng."""

from __future__ import annotations

import re
from re import Match

from wavegen.text.english.sentences import ENDINGS
from wavegen.text.language import Language

SIGN = re.compile(r"([&+=@%§©°×÷±≤≥≠≈∞−$£€¥₹¢])")
"""Signs whose names espeak-ng knows."""


def normalise(text: str, known: frozenset[str], language: str) -> str:
    """Text in lower case with its numbers in words; arguments as in `Language.normalise`."""
    if any(c.isdecimal() for c in text):
        text = _read_numbers(text, language)
    return SIGN.sub(r" \1 ", text.lower())


def _read_numbers(text: str, language: str) -> str:
    """Replace numbers by words; those that num2words can't say stay."""
    from num2words import num2words  # of all languages: slow to import

    base, _, region = language.partition("-")
    lang = f"{base}_{region.upper()}" if region else base

    def read(m: Match[str]) -> str:
        number = m[0]
        if re.fullmatch(r"\d{1,3}(?:[.,' ]\d{3})+", number):
            number = re.sub(r"\D", "", number)
        try:
            return f" {num2words(number.replace(',', '.'), lang=lang)} "
        except Exception:  # what its languages raise is not documented, and differs
            return m[0]

    return re.sub(r"\d{1,3}(?:[.,' ]\d{3})++(?!\d)|\d{1,18}(?:[.,]\d{1,9})?", read, text)


PLAIN = Language(normalise, ENDINGS)  # Dr., Prof., etc. and initials are common to many languages
