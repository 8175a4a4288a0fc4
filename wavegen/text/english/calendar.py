"""Dates, times of day and durations to English words."""

from __future__ import annotations

from re import Match

from wavegen.text.english.numbers import (
    cardinal,
    digits,
    integer,
    maybe_year,
    ordinal,
    plural,
    year,
)
from wavegen.text.english.rules import Rule, either, rules

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORT = {
    **{m[:3]: m for m in MONTHS}, "Sept": "September",
    **{d[:3]: d for d in DAYS}, "Tues": "Tuesday", "Thur": "Thursday", "Thurs": "Thursday",
}  # fmt: skip
"""Names of months and days by their abbreviations."""
_MONTH = rf"(?P<month>{either(MONTHS)})"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>(?:1\d|20)\d\d)(?![\d,:]))?"
_CLOCK_FOLLOWS = r"(?P<clock>,?(?=\s\d{1,2}:\d\d))?"
_DATED = rf"(?:{either(MONTHS)})\s\d"
_NAMED = rf"(?:{either([*SHORT, *MONTHS, *DAYS])})"


def _date(y: str | None, month: int, day: int) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if y and len(y) == 2:
        y = ("20" if int(y) < 50 else "19") + y
    return f"{MONTHS[month - 1]} {ordinal(str(day))}" + (f", {maybe_year(y)}" if y else "")


def _year_first(m: Match[str]) -> str | None:
    return _date(m[1], int(m[2]), int(m[3]))


def _month_first(m: Match[str]) -> str | None:
    """``3/4/2024``: the month first, unless it can't be one."""
    first, second = int(m[1]), int(m[2])
    return _date(m[3], first, second) or _date(m[3], second, first)


def _day_first(m: Match[str]) -> str | None:
    """``3.4.2024``: the day first, as wherever dates have dots."""
    return _date(m[3], int(m[2]), int(m[1])) or _date(m[3], int(m[1]), int(m[2]))


def _month_day(m: Match[str]) -> str | None:
    words = _date(m["year"], MONTHS.index(m["month"]) + 1, int(m["day"]))
    return words if words is None or m["clock"] is None else words + ","


def _day_month(m: Match[str]) -> str | None:
    if not 1 <= int(m["day"]) <= 31:
        return None
    y = f", {maybe_year(m['year'])}" if m["year"] else ""
    return f"{m['the'] or 'the '}{ordinal(m['day'])} of {m['month']}{y}"


def _days_month(m: Match[str]) -> str:
    y = f", {maybe_year(m['year'])}" if m["year"] else ""
    return f"the {ordinal(m[1])} to the {ordinal(m['day'])} of {m['month']}{y}"


def _month_days(m: Match[str]) -> str:
    y = f", {maybe_year(m['year'])}" if m["year"] else ""
    return f"{m['month']} {ordinal(m['day'])} to {ordinal(m[3])}{y}"


def _full(m: Match[str]) -> str:
    return SHORT[m[1]]


def _span(m: Match[str]) -> str:
    return f"{SHORT.get(m[1], m[1])} to {SHORT.get(m[2], m[2])}"


def _logged_day(m: Match[str]) -> str:
    month = SHORT[m[2]]
    return f"the {ordinal(m[1])} of {month}, {maybe_year(m[3])}{', ' if m[4] else ''}"


def _time(hour: int, minute: int, second: str, half: str = "") -> str | None:
    """A time of day in words; ``second`` may have a fraction, and ``half`` is "A" or "P"."""
    whole, _, part = second.partition(".")
    if hour > 24 or minute > 59 or int(whole or 0) > 60:
        return None
    words = integer(hour)
    if minute:
        words += f" {'oh ' if minute < 10 else ''}{integer(minute)}"
    elif not half and not int(whole or 0):
        words += " o'clock" if 1 <= hour <= 12 else " hundred"
    if part or int(whole or 0):
        words += f" and {integer(int(whole))}{f' point {digits(part)}' if part else ''}"
        words += " second" if int(whole) == 1 and not part else " seconds"
    return words + (f" {half.upper()}.M." if half else "")


def _clock(m: Match[str]) -> str | None:
    found = m.groupdict(default="")
    second = found.get("second", "") + found.get("part", "").replace(",", ".")
    return _time(int(m["hour"]), int(m["minute"]), second, found.get("half", ""))


def _zone(sign: str, hours: str, minutes: str) -> str:
    words = "U.T.C."
    if int(hours) or int(minutes):
        words += f" {'minus' if sign in '-−' else 'plus'} {integer(int(hours))}"
        words += f" {integer(int(minutes))}" if int(minutes) else ""
    return words


def _stamp(m: Match[str]) -> str | None:
    """A timestamp of ISO 8601, or of a log: a date with a time, and an offset from UTC."""
    date = _date(m["year"], int(m["month"]), int(m["day"]))
    clock = _clock(m)
    if date is None or clock is None:
        return None
    zone = ""
    if m["zone"]:
        zone = _zone(*m.group("sign", "hours", "minutes")) if m["sign"] else "U.T.C."
    return f"{date}, {clock} {zone}"


def _duration(m: Match[str]) -> str | None:
    """``1h 30m``: in the company of hours or seconds, "m" are minutes."""
    units = zip(m.groups(), ("day", "hour", "minute", "second"), strict=True)
    said = [f"{cardinal(n)} {unit}{'s' * (n != '1')}" for n, unit in units if n]
    return " ".join(said) if len(said) > 1 else None


def _decade(m: Match[str]) -> str:
    before, number = m.group("before", "decade")
    return before + plural(year(number) if len(number) == 4 else integer(int(number)))


def _hours(number: str) -> str:
    return f"{cardinal(number)} hour{'s' * (number != '1')}"


def _military(m: Match[str]) -> str | None:
    hour, minute = int(m[1]), int(m[2])
    if hour > 24 or minute > 59:
        return None
    words = f"{'zero ' if m[1][0] == '0' else ''}{integer(hour)}"
    return f"{words} {integer(minute) if minute else 'hundred'}"


_HALF = r"(?:\s?(?P<half>[AaPp])\.?[Mm]\b\.?)"
_SECONDS = r"(?::(?P<second>\d\d)(?P<part>[.,]\d{1,9})?)?"
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)" + _SECONDS
_WHOSE = "(?i:the|his|her|their|my|your|our|its|early|mid|late|high|low|upper|lower)"
_SEVERAL = "(?i:two|three|four|five|six|seven|some|many|several|these|those|both|all)"
_STYLE = "music|style|movies?|films?|fashion|kids?|hits?|rock|pop|songs?|era|nostalgia"

NAMED_DAYS: list[Rule] = rules(
    (rf"\b({either(SHORT)})(?=,?\s(?:\d{{1,2}}(?:st|nd|rd|th)?\s{_MONTH}|{_DATED}))", _full),
    (rf"\b({_NAMED})\s?[-–—]\s?({_NAMED})\b", _span),
)
"""Days and months that need no digits to be told from other words."""
RANGES: list[Rule] = rules(
    (r"(?<=:\d\d)\s?[-–—]\s?(?=\d{1,2}:\d\d)", " to "),
    (r"(?<=\d)\s?[-–—]\s?(?=\d{1,2}(?:[:.]\d\d)?\s?[ap]\.?m\b)", " to "),
    (r"(?<=\d[ap]m)\s?[-–—]\s?(?=\d|noon|midnight)", " to "),
    (r"(?<=\d\s[ap]m)\s?[-–—]\s?(?=\d|noon|midnight)", " to "),
    (r"(?<=[ap]\.m\.)\s?[-–—]\s?(?=\d|noon|midnight)", " to "),
    (r"(?<=\bnoon)\s?[-–—]\s?(?=\d)", " to "),
    (r"(?<=\bmidnight)\s?[-–—]\s?(?=\d)", " to "),
    (r"(?<=\d\d\d\d)\s?[-–—]\s?(?=present|now|today)", " to "),
    (r"(?<=\d(?:st|nd|rd|th))\s?[-–—]\s?(?=\d{1,2}(?:st|nd|rd|th))", " to "),
    (rf"\b(\d{{1,2}})\s?[-–—]\s?{_DAY}\s+{_MONTH}{_YEAR}", _days_month),
    (rf"\b{_MONTH}\s+{_DAY}\s?[-–—]\s?(\d{{1,2}})(?![\d:/-]){_YEAR}", _month_days),
)

DATES: list[Rule] = rules(
    (
        r"\b(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)(?:[T_]|,?\s)" + _TIME + r"(?![\d:])"
        r"(?P<zone>\s?(?:Z\b|UTC\b|(?P<sign>[+−-])(?P<hours>\d\d):?(?P<minutes>\d\d)\b))?",
        _stamp,
    ),
    (rf"\b(\d{{1,2}})[-/]({either(SHORT)})[-/](\d{{4}})\b(:(?=\d\d:)|)", _logged_day),
    (r"(?<=\d\d:\d\d:\d\d)\s([+-])(\d\d)(\d\d)\b", lambda m: " " + _zone(m[1], m[2], m[3])),
    (r"\b(\d{4})([-/.])(\d\d)\2(\d\d)\b(?!\.?\d)", lambda m: _date(m[1], int(m[3]), int(m[4]))),
    (r"(?<![\d/])(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?![\d/])", _month_first),
    (r"(?<![\d-])(\d{1,2})-(\d{1,2})-(\d{4})(?![\d-])", _month_first),
    (r"(?<![\d.])(\d{1,2})\.(\d{1,2})\.(\d{4})(?![\d])(?!\.\d)", _day_first),
    (r"(?<![\d.])(1[3-9]|2\d|3[01])\.(0?[1-9]|1[0-2])\.(\d\d)(?!\.?\d)", _day_first),
    (rf"\b{_MONTH}\.?\s+{_DAY}(?![\d:/.,]*\d|%){_YEAR}{_CLOCK_FOLLOWS}", _month_day),
    (rf"\b(?P<the>[Tt]he\s+)?(?<![\d:/.,$£€]){_DAY}\s+(?:of\s+)?{_MONTH}\b{_YEAR}", _day_month),
    (rf"(?<![\d:]){_TIME}(?![\d:])(?:{_HALF}|h\b)?", _clock),
    (rf"(?<![\d:.,])(?P<hour>\d{{1,2}})\.(?P<minute>\d\d){_HALF}", _clock),
    (
        r"(?<![\d.,:$£€-])(\d{1,2})\s?([AaPp])(?:\.[Mm]\.|[Mm]\b)",
        lambda m: f"{integer(int(m[1]))} {m[2].upper()}.M.",
    ),
    (r"\b(\d\d)(\d\d)(?=\s(?:hours|hrs)\b)", _military),
    (r"\b(\d{3,4})(?=\s?(?:AD|BCE?|CE)\b)", lambda m: year(m[1])),
    (r"(?<=\bAD\s)(\d{3,4})\b", lambda m: year(m[1])),
    (r"(?<=\b[Ii]n )(10[1-9]\d)(?=[.,;:!?)]|$)", lambda m: year(m[1])),
    (r"(?<=[A-Z]{2})((?:19|20)\d\d)\b", lambda m: year(m[1])),
)

DURATIONS: list[Rule] = rules(
    (
        r"(?<![\w.,:/-])(?=\d)(?:(\d++)\s?d\s?)?(?:(\d++)\s?h(?:rs?)?\s?)?(?:(\d++)\s?m(?:in)?\s?)?"
        r"(?:(\d++(?:\.\d++)?)\s?s(?:ec)?)?(?![\w'])",
        _duration,
    ),
    (r"(?<![\w.,:-])(\d{1,2})h(\d\d)\b", lambda m: f"{_hours(m[1])} {integer(int(m[2]))}"),
    (r"(?<![\w.,-])(\d++)d\b", lambda m: f"{cardinal(m[1])} day{'s' * (m[1] != '1')}"),
    (
        r"\b(10{1,3})s(?=\sof\b)",
        lambda m: {"10": "tens", "100": "hundreds", "1000": "thousands"}[m[1]],
    ),
    (r"\b([Tt]he)\s(\d{3})s\b", lambda m: f"{m[1]} {plural(cardinal(m[2]))}"),
    (rf"\b({_SEVERAL})\s(\d++)s\b", lambda m: f"{m[1]} {plural(cardinal(m[2]))}"),
    (r"(?P<before>)\b(?P<decade>(?:1[1-9]|20)\d0)'?s\b", _decade),
    (r"(?P<before>)(?<!\w)'(?P<decade>[2-9]0)'?s\b", _decade),
    (rf"(?P<before>\b{_WHOSE}[\s-])(?P<decade>[2-9]0)'?s\b", _decade),
    (r"(?P<before>\b[a-z]+ties(?:,| and| or| to|, and)\s)(?P<decade>[2-9]0)'?s\b", _decade),
    (rf"(?P<before>)\b(?P<decade>[2-9]0)'?s(?=\s(?:{_STYLE})\b)", _decade),
)
"""The last tell decades from seconds: "the 90s" are years, "90s" alone are not."""
