"""Amounts of money to English words."""

from __future__ import annotations

from re import Match

from wavegen.text.english.numbers import N, cardinal, integer
from wavegen.text.english.rules import Rule, either, rules
from wavegen.text.english.units import CODES, CURRENCIES, per_unit

SCALES = {
    **{w: w for w in ("hundred", "thousand", "million", "billion", "trillion")},
    **{"lakh": "lakh", "crore": "crore"},
    **{"k": "thousand", "m": "million", "mn": "million", "mio": "million"},
    **{"b": "billion", "bn": "billion", "t": "trillion", "tn": "trillion"},
}


def _money(m: Match[str]) -> str:
    found = m.groupdict()
    sign = m["sign"].strip(".")
    one, many, cent, cents = CURRENCIES.get(sign) or CURRENCIES[CODES[sign]]
    amount, scale = m["amount"], SCALES.get((m["scale"] or "").lower(), "")
    whole, _, part = amount.partition(".")
    if found.get("to"):
        words = f"{cardinal(amount)} to {cardinal(m['to'])} {scale} {many}"
    elif scale or not cent or (part and len(part) != 2):
        words = f"{cardinal(amount)} {scale} {one if amount == '1' and not scale else many}"
    else:
        major = f"{cardinal(whole)} {one if whole == '1' else many}" if whole.strip("0") else ""
        minor = f"{integer(int(part))} {cent if int(part) == 1 else cents}" if part else ""
        if part and not int(part):
            minor = ""
        words = f"{major} {minor}" if major or minor else f"{cardinal(whole or '0')} {many}"
    per = f" per {per_unit(found['per'])}" if found.get("per") else ""
    return ("minus " if m["minus"] or found.get("minus_after") else "") + words + per


def _pence(m: Match[str]) -> str:
    return f"{cardinal(m[1])} {'penny' if m[1] == '1' else 'pence'}"


_ONE = "".join(s for s in CURRENCIES if len(s) == 1)
_LETTERED = [s for s in CURRENCIES if s[0].isalpha() and not s.isalpha()]
_SIGN = (
    rf"(?:(?<![A-Za-z])(?:{either(_LETTERED)})|\bRs\.?|\b(?:{either(CODES)})(?![A-Za-z])"
    rf"|[{_ONE}])"
)
_BEHIND = rf"(?:[{_ONE}]|(?:{either(CODES)}|kr|zł|Kč|Ft)\b)"
_SCALE = rf"(?:[\s-]?(?P<scale>(?i:{either(SCALES)}))\b)?"
_PER = r"(?:/(?P<per>[A-Za-z]+(?:\^[23])?))?"
_MINUS = r"(?P<minus>(?<![\w.)-])[-−])?"


def _scaled_range(m: Match[str]) -> str:
    many = CURRENCIES[m["sign"]][1]
    scales = [SCALES[m[s].lower()] for s in ("first", "second")]
    return f"{cardinal(m['low'])} {scales[0]} to {cardinal(m['high'])} {scales[1]} {many}"


MONEY: list[Rule] = rules(
    (
        rf"(?P<sign>[{_ONE}])(?P<low>{N})(?P<first>bn|[kmbKMB])\s?[-–—]\s?"
        rf"(?P<high>{N})(?P<second>bn|[kmbKMB])\b",
        _scaled_range,
    ),
    (rf"(?<=\d[kmbKMB])\s?[-–—]\s?(?={_SIGN}\s?\d)|(?<=\dbn)\s?[-–—]\s?(?={_SIGN}\s?\d)", " to "),
    (
        rf"{_MINUS}(?P<sign>{_SIGN})\s?(?P<minus_after>[-−](?=[\d.]))?(?P<amount>{N})"
        rf"(?:\s?[-–—]\s?(?:{_SIGN}\s?)?(?P<to>{N}))?{_SCALE}{_PER}",
        _money,
    ),
    (rf"(?<![\d.,]){_MINUS}(?P<amount>{N}){_SCALE}\s?(?P<sign>{_BEHIND}){_PER}(?!\d)", _money),
    (r"(?<![\w.,])(\d{1,2})p(?!\w)", _pence),
)
