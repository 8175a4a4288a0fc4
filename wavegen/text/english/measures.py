"""Quantities with a unit, and ranges of them, to English words."""

from __future__ import annotations

import re
from re import Match

from wavegen.text.english.numbers import N, cardinal, maybe_year
from wavegen.text.english.rules import Rule, either, rules
from wavegen.text.english.units import UNITS, per_unit

LONGEST_QUOTE = 300
"""Characters in which a quotation is looked for."""
POINTS = {"N": "north", "S": "south", "E": "east", "W": "west"}


def _unit(m: Match[str]) -> str:
    one, many = UNITS[m["unit"]]
    single = m["number"] == "1" or m["gap"] == "-"
    per = f" per {per_unit(m['per'])}" if m["per"] else ""
    return f"{'minus ' if m['minus'] else ''}{cardinal(m['number'])} {one if single else many}{per}"


def _counted(number: str, one: str, many: str) -> str:
    return f"{cardinal(number)} {one if number == '1' else many}"


def _quoted(m: Match[str], mark: str) -> bool:
    """Whether a mark behind a number closes a quotation that began before it."""
    before = m.string[max(0, m.start() - LONGEST_QUOTE) : m.start()]
    if mark == '"':
        return before.count(mark) % 2 == 1
    return re.search(r"(?<!\w)'(?!\d\ds)[^']*$", before) is not None


def _inches(m: Match[str]) -> str | None:
    if m[0].endswith('"') and _quoted(m, '"'):
        return None
    adjective = re.search(
        r"\b(?:an?|the|this|my|his|her)\s$", m.string[max(0, m.start() - 6) : m.start()]
    )
    follows = re.match(r"\s[a-z]", m.string[m.end() : m.end() + 2])
    return _counted(m[1], "inch", "inch" if adjective and follows else "inches")


def _feet(m: Match[str]) -> str | None:
    return None if _quoted(m, "'") else _counted(m[1], "foot", "feet")


def _feet_inches(m: Match[str]) -> str:
    return f"{_counted(m[1], 'foot', 'feet')} {_counted(m[2], 'inch', 'inches')}"


def _angle(m: Match[str]) -> str:
    names = (("degree", "degrees"), ("minute", "minutes"), ("second", "seconds"))
    parts = zip(m.group(1, 2, 3), names, strict=True)
    words = " ".join(_counted(n, *name) for n, name in parts if n)
    return f"{words} {POINTS[m[4]]}" if m[4] else words


def _spaced_hyphen(m: Match[str]) -> str:
    first, second = (float(g.replace(",", "")) for g in (m[1], m[2]))
    return f"{maybe_year(m[1])} {'to' if first < second else 'minus'} "


def _scaled(m: Match[str]) -> str:
    scale = {"k": "thousand", "m": "million", "b": "billion"}[m[2].lower()]
    return f"{cardinal(m[1])} {scale}"


_NAMES = either(UNITS)
_MINUS = r"(?P<minus>(?<![\w.)-])[-−])?"
_NO_THOUSANDS = "race|run|video|resolution|tv|monitor|display|screen"
_SHARES = "day|week|month|year|night|hour|person|minute|second|hr|wk|yr"
_PEOPLE = "people|users|copies|views|jobs|homes|followers|subscribers|customers|downloads|tonnes"

UNIT_RANGES: list[Rule] = rules(
    (rf"({N}\s?({_NAMES}))\s?[-–—]\s?(?=[-−]?{N}\s?\2(?!\w))", lambda m: f"{m[1]} to "),
    (rf"(?<=°[CF])\s?[-–—]\s?(?=[-−]?{N}°)", " to "),
)
MEASURES: list[Rule] = rules(
    (rf"({N})°\s?({N})'\s?(?:({N})\")?\s?([NSEW]\b)?", _angle),
    (rf"({N})°()()\s?([NSEW])\b", _angle),
    (
        r"(?<![\w'.])(\d{1,2})'[\s-]?(\d{1,2}(?:\.\d)?)(?:\"|''|(?=\s(?:tall|high|long|wide)))",
        _feet_inches,
    ),
    (r"(?<![\w'.])([4-7])'(\d|1[01])(?![\w'\"])", _feet_inches),
    (r"(?<=\d\")\s?[x×]\s?(?=\d)", " by "),
    (rf"(?<![\w'.])({N})\"", _inches),
    (r"(?<![\w'.])(\d{1,3})'(?![\w'])", _feet),
    (r"(\d{1,2})\s?(?:ft|feet)\.?\s(\d{1,2})\s?(?:in\b\.?|inches|\")", _feet_inches),
    (rf"(?<![\w.,])({N})([kK])(?=\s(?!(?:{_NO_THOUSANDS})\b)[a-z])", _scaled),
    (rf"(?<![\w.,-])(\d++\.\d++|\d{{3,}}|[1-9]\d)([kK])(?!\w|\s(?:{_NO_THOUSANDS})\b)", _scaled),
    (rf"(?<![\w.,])({N})([MB])(?=\s[a-z])", _scaled),
    (rf"(?<![\w.,])({N})(m)(?=\s(?:{_PEOPLE})\b)", _scaled),
    (
        rf"(?<![\d.,^])(?<!\^[−+-])(?<![A-Z]-){_MINUS}(?P<number>{N})(?P<gap>[\s-]?)(?P<unit>{_NAMES})"
        r"(?![\w%'^])(?:\.(?=\s[a-z]))?(?:/(?P<per>[A-Za-z]+(?:\^[23])?))?",
        _unit,
    ),
    (
        r"(?<=[a-z\d])/(?=(?:day|week|month|year|night|hour|person|minute|second|hr|wk|yr)\b)",
        " per ",
    ),
    (rf"({N})\s?in(?=\s?(?:[x×,;)]|$|(?:wide|long|tall|high|deep|thick)\b))", _inches),
    (rf"({N}) K\b", lambda m: f"{cardinal(m[1])} kelvin"),
    (rf"(?<![\w/])({_NAMES})/(?=(?:km|cm|mm|m|ft|in)\^[23])", lambda m: f"{UNITS[m[1]][1]} per "),
    (r"(?<=per\s)((?:km|cm|mm|m|ft|in)\^[23])(?!\w)", lambda m: per_unit(m[1])),
    (r"(?<![\w^])(?:km|cm|mm|m)\^[23](?!\w)", lambda m: UNITS[m[0]][1]),
)
BARE: list[Rule] = rules(
    (r"(?<!\w)(?:km/h|m/s|mph|kph|km|kg|μ[mgsl])(?!\w)", lambda m: UNITS[m[0]][1]),
)
"""Units without a number that espeak-ng would spell."""
PLAIN_RANGES: list[Rule] = rules(
    (rf"(?<![\w.,-])[-−]({N})\s?–\s?(?={N}(?![–-]))", lambda m: f"minus {maybe_year(m[1])} to "),
    (rf"(?<![\d-])({N})\s?–\s?(?={N}(?![–-]))", lambda m: f"{maybe_year(m[1])} to "),
    (rf"(?<![\w-])({N})-(?=\d++(?![\d-]))", lambda m: f"{maybe_year(m[1])} to "),
    (r"(?<=[\w)])\s[-−]\s(?=\d+[abnxyz]\b)", " minus "),
    (rf"(?<![\d.,^])({N})\s-\s(?=({N}))", _spaced_hyphen),
    (r"(?<=\d)x(?=\s?[+=^)−-])", " X. "),
    (r"\b([A-Z])(\d{1,3})\s?[-–]\s?(?=\1\d)", lambda m: f"{m[1]}{m[2]} to "),
)
