"""Numbers whose digits are grouped as in India, France, Switzerland or Germany, as ``1,234.5``."""

from __future__ import annotations

import re
from re import Match

_COUNTED = (
    r"[€₽₴₫₸£$¥]|(?:km|m|kg|g|mm|cm|L|l|EUR|USD|Kč|zł|kr|Ft|people|dollars|euros|pounds|years)\b"
)


def _regrouped(m: Match[str]) -> str:
    """Points and commas in their English places; an address of a network stays."""
    whole, comma, part = m[0].partition(",") if "." in m[0] else (m[0], "", "")
    parts = whole.split(".")
    if len(parts) == 4 and not comma and all(int(p) < 256 for p in parts):
        return m[0]
    return ",".join(parts) + ("." + part if comma else "")


def _french(m: Match[str]) -> str:
    whole, part = m[0].split(",")
    return f"{whole.replace(' ', ',')}.{part}"


def _spaced(m: Match[str]) -> str:
    """Groups separated by spaces are one number where something says so: a zero that begins a
    group, a unit or a currency, or three groups of which the first is short."""
    first, *others = m[0].split()
    behind = m.string[m.end() : m.end() + 10].lstrip()
    before = m.string[max(0, m.start() - 2) : m.start()].rstrip()
    counted = re.match(_COUNTED, behind) or re.search(r"[€₽£$¥₹]$", before)
    zero = any(group[0] == "0" for group in others)
    if first[0] != "0" and (counted or zero or (len(others) > 1 and len(first) < 3)):
        return ",".join([first, *others])
    return m[0]


_RULES = (
    (r"(?<![\d.,'\w])\d{1,3}(?:'\d{3}){1,10}+(?![\d'])", lambda m: m[0].replace("'", ",")),
    (
        r"(?<![\d.,])\d{1,3}(?:,\d\d){1,12},\d{3}(?!\d|,\d)",
        lambda m: f"{int(m[0].replace(',', '')):,}",
    ),
    (r"(?<![\d.,])\d{1,3}(?:\.\d{3}){1,10}+,\d{1,2}(?!\d|,\d)", _regrouped),
    (r"(?<![\d.,])\d{1,3}(?:\.\d{3}){2,9}(?!\d|\.\d)", _regrouped),
    (r"(?<=€)\d{1,3}\.\d{3}(?!\d|\.\d)", _regrouped),
    (r"(?<![\d.,])(\d+),(\d\d)(?=\s?(?:€|EUR\b|zł|kr\b|Kč))", lambda m: f"{m[1]}.{m[2]}"),
    (r"(?<![\d.,+:/-])(?<!\d )\d{1,3}(?: \d{3}){1,10}+,\d\d?(?!\d|,\d)", _french),
    (
        r"(?<![\d.,])\d{1,3},\d{1,2}(?=\s?(?:km|kg|cm|mm|m|ml|l|L|GB|MB)\b)",
        lambda m: m[0].replace(",", "."),
    ),
    (r"(?<![\d.,])\d{1,3},\d(?=\s%)", lambda m: m[0].replace(",", ".")),
    (r"(?<![\d.,+:/-])(?<!\d )\d{1,3}(?: \d{3}){1,10}+(?!\d|[,.:/-]?\d| \d)", _spaced),
    (r"(?<!\w)\d{1,3}(?:_\d{3}){1,10}+(?!\w)", lambda m: m[0].replace("_", ",")),
)
"""Groups are bounded, since a long run of them would take other rules long."""
_COMPILED = [(re.compile(p), f) for p, f in _RULES]


def regroup(text: str) -> str:
    """Rewrite grouped numbers: ``1,50,000``, ``1 000 000``, ``1'000'000``, ``1.000,50``."""
    for pattern, read in _COMPILED:
        text = pattern.sub(read, text)
    return text
