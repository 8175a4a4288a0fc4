"""Telephone numbers, postcodes, versions and other codes to English words."""

from __future__ import annotations

import re
from re import Match

from wavegen.text.english.numbers import cardinal, digit_groups, digits, integer, paired, spell
from wavegen.text.english.rules import Rule, rules


def _phone(m: Match[str]) -> str:
    return ("plus " if m[0].startswith("+") else "") + digit_groups(m[0])


def _before(m: Match[str]) -> str:
    """A word, and then digits one by one."""
    return f"{m[1]} {digit_groups(m[2])}"


def _address(m: Match[str]) -> str:
    """``10.0.0.1``, maybe with a port or the length of a network's prefix."""
    words = " dot ".join(digits(part) for part in m[1].split("."))
    words += f", port {paired(m[2])}" if m[2] else ""
    return words + (f" slash {cardinal(m[3])}" if m[3] else "")


def _version(m: Match[str]) -> str:
    return ("version " if m[1] else "") + " point ".join(map(cardinal, m[2].split(".")))


def _stage(m: Match[str]) -> str:
    name = "R.C." if m[1] == "rc" else m[1]
    return f" {name} {cardinal(m[2]) if m[2] else ''}"


def _spelled_groups(m: Match[str]) -> str:
    return ", ".join(spell(group) for group in m.groups() if group)


def _state(m: Match[str]) -> str:
    return f"{spell(m[1])} {digit_groups(m[2])}"


_THEN = "in|for|or|and|if|now|when|to"
_EMERGENCY = re.compile(r"(?i)\b(?:call|dial|ring|emergency|emergencies|ambulance|police|fire)\b")


def _emergency(m: Match[str]) -> str | None:
    near = m.string[max(0, m.start() - 60) : m.end() + 60]
    return digits(m[0]) if _EMERGENCY.search(near) or "nine one one" in near else None


def _hardware(m: Match[str]) -> str:
    """An address of network hardware."""
    return ", ".join(spell(pair) for pair in re.split("[:-]", m[0]))


def _formula(m: Match[str]) -> str:
    """``H2SO4``: letters one by one, and numbers."""
    parts = re.findall(r"\d+|[A-Z]", m[0])
    return " ".join(cardinal(p) if p.isdecimal() else spell(p) for p in parts)


def _of(m: Match[str]) -> str:
    return f"{m[1]} {integer(int(m[2]))} of {integer(int(m[3]))}"


_CALL = r"(?i:call|dial|ring|phone|text|tel\.?|telephone|mobile|fax)"

CALLS: list[Rule] = rules(
    (
        r"(\.)?(?<!\d)\d{31,}+",  # first, since long runs take the other rules long
        lambda m: f"{'point ' if m[1] else ''}{digits(m[0])}",
    ),
    (r"(?<!\d)\d{1,3}(?:,\d{3}){11,}+(?!\d)", lambda m: digits(m[0])),  # likewise
    (
        rf"\b({_CALL}:?(?:\s(?:the|number|on|us|at|me|is)){{0,2}})\s"
        r"(?!\d00\b)(\d{3,}(?:[ -]\d+)*|\d\d(?:[ -]\d{2,}){2,})(?![.,:/%-]?\d)",
        _before,
    ),
)
CODES: list[Rule] = rules(
    (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", lambda m: spell(m[0])),
    (
        r"(?<![\w.])(?=[a-f]{0,63}\d)(?=\d{0,63}[a-f])(?!\d+e\d+\b)[0-9a-f]{7,64}(?![\w.]\w)\b",
        lambda m: spell(m[0]),
    ),
    (r"\b0[xX]([0-9A-Fa-f]{1,16})\b", lambda m: f"hexadecimal {spell(m[1])}"),
    (r"\b(ISBN(?:-1[03])?:?)\s?(\d[\d-]{8,16})(?![\w-])", _before),
    (r"\b24/7\b", "twenty four seven"),
    (r"\b50[/-]50\b", "fifty fifty"),
    (r"\b9/11\b", "nine eleven"),
    (r"\b((?:PIN|OTP|ZIP|(?i:passcode|zip code|postcode))(?:\sis|:)?)\s(\d{3,8})\b", _before),
    (r"\b((?i:code|account|serial|extension))\s(\d{4,9})\b(?![.,]\d)", _before),
    (r"(?<![\w.,$-])911\b(?![,.]\d)", lambda m: digits(m[0])),
    (
        rf"(?<![\w.,$-])(?:112|999|000|111|101|988)\b(?![,.:/-]?\d|\s(?!(?:{_THEN})\b)[a-z])",
        _emergency,
    ),
    (r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b", _hardware),
    (r"\b([Ff]light)\s([A-Z]{2})\s?(\d{1,4})\b", lambda m: f"{m[1]} {spell(m[2] + m[3])}"),
    (r"\b([A-Z]{2}) (\d{5}(?:-\d{4})?)(?![\w-])", _state),
    (r"\b([A-Z]{1,2}\d[A-Z\d]?) (\d[A-Z]{2})\b", _spelled_groups),
    (r"\b([A-Z]\d[A-Z]) (\d[A-Z]\d)\b", _spelled_groups),
    (r"\b[A-Z]{1,3}\d{1,3}[A-Z][A-Z\d]{0,9}\b", _formula),
    (r"(?<![\d-])\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?![\d-])", _phone),
    (r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])", _phone),
    (
        r"(?<![\w-])(?:\+?\d{1,3}[-. ])?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}(?![\d-])"
        r"|(?<![\d-])\d{3}-\d{4}(?![\d-])"
        r"|\+(?=(?:[ ()/-]{0,2}\d){7,15})\d{1,3}[ -]?(?:\(\d{1,4}\)[ -]?)?\d{1,12}"
        r"(?:[ /-]\d{2,8}){0,6}(?!\d)"
        r"|(?<![\d.,:/-])0\d{2,4}[ /-]\d{3,8}(?:[ -]\d{3,6})?(?![\d.,:/-]*\d)"
        r"|(?<![\d.,:/-])0\d(?:[ .-]\d\d){3,4}(?![\d.,:/-]*\d)"
        r"|(?<![\d.,:/-])00\d\d(?:[ -]\d{2,8}){1,5}(?![\d.,:/-]*\d)"
        r"|\(0\d{1,4}\) ?\d{3,8}(?:[ -]\d{3,6})?(?![\d.,:/-]*\d)",
        _phone,
    ),
    (r"(?<![\w.])((?:\d{1,3}\.){3}\d{1,3})(?::(\d{2,5}))?(?:/(\d{1,2}))?(?![\d.]*\d)", _address),
    (r"\b(localhost):(\d{2,5})\b", lambda m: f"{m[1]}, port {paired(m[2])}"),
    (r"\b([Pp]ort)\s(\d{2,5})\b(?![.,]\d)", lambda m: f"{m[1]} {paired(m[2])}"),
    (r"(?<=[\w])[-.](alpha|beta|rc|dev|pre|post)\.?(\d*)\b", _stage),
    (r"(?<![\w.])([vV]\s?)?(\d++(?:\.\d++){2,}+)", _version),
    (r"(?<![\w.])(v|V(?=\d+\.))(\d++(?:\.\d++)?)\b", _version),
    (r"\b(\d{1,2})(\d\d)p\b", lambda m: f"{integer(int(m[1]))} {integer(int(m[2]))} p"),
    (
        r"\b((?i:retry|attempt|try|step|page|episode|lesson|question))\s(\d{1,5})/(\d{1,5})\b(?!/)",
        _of,
    ),
)
