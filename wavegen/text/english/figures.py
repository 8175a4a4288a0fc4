"""Everything that contains digits, to English words."""

from __future__ import annotations

from re import Match

from wavegen.text.english.calendar import DATES, DURATIONS, RANGES
from wavegen.text.english.codes import CALLS, CODES
from wavegen.text.english.grouping import regroup
from wavegen.text.english.mathematics import FRACTIONS, POWERS, PRODUCTS
from wavegen.text.english.measures import MEASURES, PLAIN_RANGES, UNIT_RANGES
from wavegen.text.english.money import MONEY
from wavegen.text.english.numbers import N, cardinal, digits, ordinal, plural, year
from wavegen.text.english.rules import Reader, Rule, apply, rules

_COUNTED = "dollars|pounds|euros|people|men|women|percent|miles|meters|metres|feet|tons|times|words"


def _number(m: Match[str]) -> str:
    words = cardinal(m[2])
    words = plural(words) if m[3] == "s" else words + (m[3] or "")
    return ("minus " if m[1] else "") + words


_ORDINALS = rules(
    (r"(?<![\d.])(\d{1,3}(?:,\d{3})++|\d++)(?:st|nd|rd|th)\b", lambda m: ordinal(m[1]))
)
_LETTERED = rules((r"(?<![\w.])A-?(?=\d)", "A. "))
_REST = rules(
    (
        rf"(?<![\w.,$-])((?:1[1-9]|20)\d\d)(?!,?\d|\.\d|\w|\s(?:{_COUNTED})\b)",
        lambda m: year(m[1]),
    ),
    (r"(?<=\w)-(?=\w)", " "),
    (rf"((?<![\w.)-])[-−]|−)?({N})('?s\b)?", _number),
)
ORDER: list[Rule] = [
    *RANGES,
    *DATES,
    *CODES,
    *DURATIONS,
    *MONEY,
    *PRODUCTS,
    *rules((r"(?<=\d):(?=\d)", " to ")),
    *UNIT_RANGES,
    *PLAIN_RANGES,
    *_LETTERED,
    *FRACTIONS,
    *_ORDINALS,
    *MEASURES,
    *POWERS,
    *_REST,
]
"""Each rule sees what those before it have left."""


def read_numbers(text: str, known: frozenset[str] = frozenset()) -> str:
    """Replace everything that contains digits by English words.

    Args:
        text: cleaned text.
        known: the words of a voice with a small vocabulary, else empty. What those words cannot
            say is read digit by digit.
    """

    def within(read: Reader) -> Reader:
        def words(m: Match[str]) -> str | None:
            found = read(m)
            if found is None or known.issuperset(found.split()):
                return found
            names = digits(m[0])
            return names if known.issuperset(names.split()) else found

        return words

    order = [(pattern, within(read)) for pattern, read in ORDER] if known else ORDER
    return apply(order, regroup(apply(CALLS, text)))
