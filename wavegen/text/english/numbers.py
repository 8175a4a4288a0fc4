"""Numbers, and everything else that contains digits, to English words."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from re import Match

from num2words import num2words

from wavegen.text.english.units import CURRENCIES, UNITS

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
SPELLED_OUT = 10
"""Numbers with at least this many digits and no commas are codes, read digit by digit."""

Rule = tuple[re.Pattern[str], Callable[[Match[str]], str | None]]


def digits(text: str) -> str:
    """The digits' names: "four two" for ``42``."""
    return " ".join(DIGITS[int(d)] for d in text if d.isdecimal())


@functools.lru_cache(4096)
def _integer(n: int, to: str = "cardinal") -> str:
    return str(num2words(n, to=to)).replace("-", " ").replace(",", "")


def cardinal(number: str) -> str:
    """A number such as ``1,234.5`` in words; digit by digit if it is long or begins with zero."""
    whole, _, part = number.partition(".")
    plain = whole.replace(",", "")
    spelled = len(plain) >= (31 if "," in whole or part else SPELLED_OUT)
    if spelled or (len(plain) > 1 and plain[0] == "0"):
        words = digits(plain)
    else:
        words = _integer(int(plain)) if plain else ""
    return f"{words} point {digits(part)}" if part else words


def ordinal(number: str) -> str:
    """An ordinal in words: "twenty first" for ``21``."""
    plain = number.replace(",", "")
    return _integer(int(plain), "ordinal") if len(plain) <= 30 else digits(plain) + " th"


def year(number: str) -> str:
    """A four-digit year in words: nineteen oh five, two thousand five, twenty ten."""
    century, rest = divmod(int(number), 100)
    if century % 10 == 0 and rest < 10:
        return f"{_integer(century * 100)} {_integer(rest) if rest else ''}".strip()
    if not rest:
        return f"{_integer(century)} hundred"
    return f"{_integer(century)} {'oh ' if rest < 10 else ''}{_integer(rest)}"


def plural(words: str) -> str:
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("x") else "s")


def _maybe_year(number: str) -> str:
    return year(number) if re.fullmatch(r"(?:1[1-9]|20)\d\d", number) else cardinal(number)


def _date(y: str | None, month: int, day: int) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if y and len(y) == 2:
        y = ("20" if int(y) < 50 else "19") + y
    return f"{MONTHS[month - 1]} {ordinal(str(day))}" + (f", {_maybe_year(y)}" if y else "")


def _slashed(m: Match[str]) -> str | None:
    first, second = int(m[1]), int(m[2])  # month first, unless it can't be one
    return _date(m[3], first, second) or _date(m[3], second, first)


def _month_day(m: Match[str]) -> str | None:
    return _date(m[3], MONTHS.index(m[1]) + 1, int(m[2]))


def _day_month(m: Match[str]) -> str | None:
    if not 1 <= int(m[2]) <= 31:
        return None
    y = f", {_maybe_year(m[4])}" if m[4] else ""
    return f"{m[1] or 'the '}{ordinal(m[2])} of {m[3]}{y}"


def _clock(m: Match[str]) -> str | None:
    hour, minute, second = int(m[1]), int(m[2]), m[3]
    if hour > 24 or minute > 59 or int(second or 0) > 59:
        return None
    half = f" {m[4][0].upper()}.M." if m[4] else ""
    words = _integer(hour)
    if minute:
        words += f" {'oh ' if minute < 10 else ''}{_integer(minute)}"
    elif not half and not second:
        words += " o'clock" if 1 <= hour <= 12 else " hundred"
    if second:
        words += f" and {_integer(int(second))} second{'' if int(second) == 1 else 's'}"
    return words + half


def _money(m: Match[str]) -> str:
    one, many, cent, cents = CURRENCIES[m["sign"]]
    amount, scale = m["amount"], SCALES.get((m["scale"] or "").lower(), "")
    per = " per " if m["per"] else ""
    minus = "minus " if m["minus"] else ""
    whole, _, part = amount.partition(".")
    if m["to"]:
        words = f"{cardinal(amount)} to {cardinal(m['to'])} {scale} {many}"
    elif scale or not cent or (part and len(part) != 2):
        words = f"{cardinal(amount)} {scale} {one if amount == '1' and not scale else many}"
    else:
        major = f"{cardinal(whole)} {one if whole == '1' else many}" if whole.strip("0") else ""
        minor = f"{_integer(int(part))} {cent if int(part) == 1 else cents}" if part else ""
        if part and not int(part):
            minor = ""
        words = f"{major} {minor}" if major or minor else f"{cardinal(whole or '0')} {many}"
    return minus + words + per


def _fraction(m: Match[str]) -> str:
    whole, above, below = m[1], int(m[2]), int(m[3])
    if not ((1 <= above < below and 2 <= below <= 20) or (below == 100 and above < 100)):
        words = f"{_integer(above)} {'out of' if above == below else 'over'} {_integer(below)}"
    else:
        name = {2: "half", 4: "quarter"}.get(below) or _integer(below, "ordinal")
        if above > 1:
            name = plural(name)
        words = f"{'a' if whole and above == 1 else _integer(above)} {name}"
    return f"{cardinal(whole)} and {words}" if whole else words


def _unit(m: Match[str]) -> str:
    one, many = UNITS[m["unit"]]
    single = m["number"] == "1" or m["gap"] == "-"
    minus = "minus " if m["minus"] else ""
    return f"{minus}{cardinal(m['number'])} {one if single else many}{' per ' if m['per'] else ''}"


def _decade(m: Match[str]) -> str:
    return plural(year(m[1]) if m[1] else _integer(int(m[2])))


def _phone(m: Match[str]) -> str:
    return ", ".join(digits(group) for group in re.findall(r"\d+", m[0]))


def _spaced_hyphen(m: Match[str]) -> str:
    first, second = (float(g.replace(",", "")) for g in (m[1], m[2]))
    return f"{_maybe_year(m[1])} {'to' if first < second else 'minus'} "


def _number(m: Match[str]) -> str:
    words = cardinal(m[2])
    words = plural(words) if m[3] == "s" else words + (m[3] or "")
    return ("minus " if m[1] else "") + words


N = r"(?:\d{1,3}(?:,\d{3})++(?!\d)(?:\.\d++)?|\d++(?:\.\d++)?|\.\d++)"
_NTH = r"(\d{1,2})(?:st|nd|rd|th)?"
_MONTH = f"({'|'.join(MONTHS)})"
_YEAR = r"(?:,?\s+((?:1\d|20)\d\d)(?![\d,:]))?"
_SIGN = "|".join(re.escape(s) for s in sorted(CURRENCIES, key=len, reverse=True))
SCALES = {
    **{w: w for w in ("hundred", "thousand", "million", "billion", "trillion")},
    **{"k": "thousand", "m": "million", "mn": "million", "mio": "million"},
    **{"b": "billion", "bn": "billion", "t": "trillion", "tn": "trillion"},
}
_SCALE = r"(?:\s?(?P<scale>(?i:hundred|thousand|million|billion|trillion|mn|mio|bn|tn|[kmbt]))\b)?"
_NAMES = "|".join(re.escape(u) for u in sorted(UNITS, key=len, reverse=True))
_MINUS = r"(?P<minus>(?<![\w.)-])[-−])?"
_COUNTED = "dollars|pounds|euros|people|men|women|percent|miles|meters|metres|feet|tons|times|words"

RULES: list[Rule] = [
    (re.compile(p), f)
    for p, f in (
        (
            r"(\.)?(?<!\d)\d{31,}+",  # first, since long runs take the other rules long
            lambda m: f"{'point ' if m[1] else ''}{digits(m[0])}",
        ),
        (r"(?<=[ap]m)-(?=\d)", lambda m: " to "),
        (r"\b24/7\b", lambda m: "twenty four seven"),
        (r"\b9/11\b", lambda m: "nine eleven"),
        (
            r"(?<![\d.])\d++(?:\.\d++){2,}+",
            lambda m: " point ".join(map(cardinal, m[0].split("."))),
        ),
        (r"\b(\d{4})-(\d\d)-(\d\d)\b", lambda m: _date(m[1], int(m[2]), int(m[3]))),
        (r"(?<![\d/])(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?![\d/])", _slashed),
        (rf"\b{_MONTH}\.?\s+{_NTH}(?![\d:/.,]*\d|%){_YEAR}", _month_day),
        (rf"\b([Tt]he\s+)?(?<![\d:/.,$£€]){_NTH}\s+(?:of\s+)?{_MONTH}\b{_YEAR}", _day_month),
        (
            r"(?<![\d:])(\d{1,2}):(\d\d)(?::(\d\d))?(?![\d:])(?:\s?([AaPp])\.?[Mm]\b\.?)?",
            _clock,
        ),
        (
            r"(?<![\d.,:$£€-])(\d{1,2})\s?([AaPp])(?:\.[Mm]\.|[Mm]\b)",
            lambda m: f"{_integer(int(m[1]))} {m[2].upper()}.M.",
        ),
        (
            r"(?<![\w-])(?:\+?\d{1,3}[-. ])?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}(?![\d-])"
            r"|(?<![\d-])\d{3}-\d{4}(?![\d-])|\+\d{1,3}(?:[ -]?\d{2,4}){2,5}(?!\d)",
            _phone,
        ),
        (
            rf"{_MINUS}(?P<sign>{_SIGN})\s?(?P<amount>{N})"
            rf"(?:\s?[-–—]\s?(?:{_SIGN})?(?P<to>{N}))?{_SCALE}(?P<per>/(?=[a-z]))?",
            _money,
        ),
        (
            rf"(?<![\d.,]){_MINUS}(?P<amount>{N})(?P<to>\b\B)?(?P<scale>\b\B)?"
            rf"\s?(?P<sign>[€£])(?P<per>/(?=[a-z]))?",
            _money,
        ),
        (r"(?<=\d)\s?×\s?(?=\d)|(?<=\d)\s?\*\s?(?=\d)", lambda m: " times "),
        (r"(?<=\d)x(?=\d)", lambda m: " by "),
        (r"(?<=\d)\s?\^\s?2(?!\d)", lambda m: " squared "),
        (r"(?<=\d)\s?\^\s?3(?!\d)", lambda m: " cubed "),
        (r"(?<=\d)\s?\^\s?(?=\d)", lambda m: " to the power of "),
        (r"(?<=\d):(?=\d)", lambda m: " to "),
        (rf"(?<![\d-])({N})\s?–\s?(?={N}(?![–-]))", lambda m: f"{_maybe_year(m[1])} to "),
        (rf"(?<![\w-])({N})-(?=\d++(?![\d-]))", lambda m: f"{_maybe_year(m[1])} to "),
        (rf"(?<![\d.,])({N})\s-\s(?=({N}))", _spaced_hyphen),
        (r"(?<![\w.])A-?(?=\d)", lambda m: "A. "),
        (r"(?<![\d/.,])(?:(\d{1,9})\s)?(\d{1,9})/(\d{1,9})(?![\d/]|\.\d)", _fraction),
        (r"(?<![\d.])(\d{1,3}(?:,\d{3})++|\d++)(?:st|nd|rd|th)\b", lambda m: ordinal(m[1])),
        (r"\b((?:1[1-9]|20)\d0)'?s\b|(?:'|\b)([2-9]0)'?s\b", _decade),
        (
            rf"(?<![\d.,]){_MINUS}(?P<number>{N})(?P<gap>[\s-]?)(?P<unit>{_NAMES})"
            r"(?![\w%'^])(?P<per>/(?=[a-z]))?",
            _unit,
        ),
        (
            rf"(?<![\w.,$-])((?:1[1-9]|20)\d\d)(?!,?\d|\.\d|\w|\s(?:{_COUNTED})\b)",
            lambda m: year(m[1]),
        ),
        (r"(?<=\w)-(?=\w)", lambda m: " "),
        (rf"((?<![\w.)-])[-−]|−)?({N})('?s\b)?", _number),
    )
]


def read_numbers(text: str, known: frozenset[str] = frozenset()) -> str:
    """Replace everything that contains digits by English words.

    Args:
        text: cleaned text.
        known: the words of a voice with a small vocabulary, else empty. What those words cannot
            say is read digit by digit.
    """
    for pattern, read in RULES:

        def replace(m: Match[str], read: Callable[[Match[str]], str | None] = read) -> str:
            words = read(m)
            if words is None:
                return m[0]
            if known and not known.issuperset(words.split()):
                names = digits(m[0])
                words = names if known.issuperset(names.split()) else words
            return f" {words} "

        text = pattern.sub(replace, text)
    return text
