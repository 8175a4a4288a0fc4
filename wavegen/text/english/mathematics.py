"""Powers, roots, fractions and other mathematics to English words."""

from __future__ import annotations

from re import Match

from wavegen.text.english.numbers import N, cardinal, integer, plural, spell
from wavegen.text.english.rules import Rule, either, rules
from wavegen.text.english.units import UNITS, per_unit

_NAMES = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma
    tau upsilon phi chi psi omega
"""
GREEK = dict(zip("αβγδεζηθικλμνξοπρστυφχψω", _NAMES.split(), strict=True))
"""Letters that stand for quantities."""
COMPARED = {
    "≤": "at most", "≥": "at least", "≠": "not equal to", "≈": "about", "<": "less than",
    ">": "greater than",
}  # fmt: skip


def _exponent(text: str) -> str:
    sign = {"-": "minus ", "−": "minus ", "+": ""}.get(text[0], "")
    number = text.lstrip("+-−")
    return sign + (cardinal(number) if number.isdecimal() else number)


def _power(m: Match[str]) -> str:
    if m[1] in ("2", "3"):
        return "squared" if m[1] == "2" else "cubed"
    return f"to the power of {_exponent(m[1])}"


def _power_of_ten(m: Match[str]) -> str:
    per = f" per {per_unit(m[3])}" if m[3] else ""
    return f"to the power of {_exponent(m[1])} {UNITS[m[2]][1]}{per}"


def _scientific(m: Match[str]) -> str:
    return f"{cardinal(m[1])} times ten to the power of {_exponent(m[2])}"


def _fraction(m: Match[str]) -> str:
    whole, above, below = m[1], int(m[2]), int(m[3])
    if above + below == 100 or (above, below) == (20, 20):
        words = f"{integer(above)} {integer(below)}"
    elif not ((1 <= above < below and 2 <= below <= 20) or (below == 100 and above < 100)):
        words = f"{integer(above)} {'out of' if above == below else 'over'} {integer(below)}"
    else:
        name = {2: "half", 4: "quarter"}.get(below) or integer(below, "ordinal")
        if above > 1:
            name = plural(name)
        words = f"{'a' if whole and above == 1 else integer(above)} {name}"
    inch = ""
    if m[4]:
        inch = " inches" if whole else " of an inch"
    return (f"{cardinal(whole)} and {words}" if whole else words) + inch


def _out_of(m: Match[str]) -> str:
    return f"{integer(int(m[1]))} out of {integer(int(m[2]))}"


def _greek(m: Match[str]) -> str | None:
    return GREEK.get(m[0].lower())


FRACTIONS: list[Rule] = rules(
    (r"(?<![\w/.,])(\d{1,3})/(\d{1,3})(?=\s(?:stars?|points|votes)\b)", _out_of),
    (
        r"(?<![\d/.,^])(?:(\d{1,9})\s)?(\d{1,9})/(\d{1,9})(?![\d/]|\.\d)(\"|\s?in\b(?!\s[a-z]))?",
        _fraction,
    ),
    (r"(?<=\d)/(?=\d)", " over "),
)


def _signed(m: Match[str]) -> str:
    return f"is {COMPARED[m[1]]}"


_LENGTHS = "mm|cm|m|km|ft|in|px"
PRODUCTS: list[Rule] = rules(
    (r"(?<=[\w)])\s?([<>])\s?(?=[\d.$€£-]+\d|\d)", _signed),
    (r"(?<![-=])([<>])(?=\s?[\d.$€£])", lambda m: COMPARED[m[1]]),
    (r"(?<=\d{3})\s?[×x]\s?(?=\d{3})", " by "),
    (rf"(?<![\w.,])({N})[eE]([+−-]?\d{{1,9}})(?![\w.])", _scientific),
    (r"(?<=\d)\s?[x·]\s?(?=10\^)", " times "),
    (rf"(?<=\d)\s?[x×]\s?(?={N}\s?(?:{_LENGTHS})\b)|(?<=\d)\sx\s(?=\d)", " by "),
    (rf"(?<![\d.,])({N}\s?(?:{_LENGTHS}))\s?[x×]\s?(?=\d)", lambda m: f"{m[1]} by "),
    (r"(?<=\d)\s?[-–−]\s?(?=\d++(?:\.\d++)?\s?=)", " minus "),
    (r"(?<=\d)\s?[×·]\s?(?=\d)|(?<=\d)\s?\*\s?(?=\d)", " times "),
    (r"(?<=\d)x(?=\d)", " by "),
)
POWERS: list[Rule] = rules(
    (rf"(?<=10)\^([+−-]?\d++)\s?({either(UNITS)})(?![\w^])(?:/([A-Za-z]+))?", _power_of_ten),
    (r"(?<![A-Za-z])([b-df-hj-np-tv-z]{2,3})(?=\^)", lambda m: spell(m[1])),  # mc^2
    (r"(?<=[\w).])\s?\^\s?([+−-]?(?:\d++|[a-z]\b))(?!\.\d)", _power),
)
ROOTS: list[Rule] = rules(
    (r"√\s?", " the square root of "),
    (r"∛\s?", " the cube root of "),
)
LETTERS: list[Rule] = rules(
    (r"(?<![Ͱ-Ͽ])[Α-Ωα-ω](?![Ͱ-Ͽ])", _greek),
)
COMPARISONS: list[Rule] = rules(
    (r"(?<=[\w.)%])\s?([≤≥≠≈])", lambda m: f"is {COMPARED[m[1]]}"),
    (r"(?<=[\w)])\s([<>])\s", lambda m: f"is {COMPARED[m[1]]}"),
    (r"(?<=\d)([<>])(?=\d)", lambda m: f"is {COMPARED[m[1]]}"),
    (r"([≤≥≠≈])", lambda m: COMPARED[m[1]]),
    (r"(?<=\s)([<>])(?=\s)", lambda m: COMPARED[m[1]]),
)
