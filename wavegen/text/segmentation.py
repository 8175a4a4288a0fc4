"""Text cleaning and sentence segmentation."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from wavegen.text.markup import BLOCK

KEPT = frozenset(".,!?;:'\"()[]{}<>&+=@#%‰*/\\~^_|-–—−$£€¥₹¢°§©×÷·±≤≥≠≈∞√∛∑∫∈∩∪←→♯♭\n")
"""Signs that the rules read or that separate words; all others are dropped, currencies aside."""
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ", "0123456789+-ni", strict=True))
_BEFORE = str.maketrans(
    {
        **dict.fromkeys("’‘‛ʼ´`′", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", "\n"),
        **{"№": "No. ", "…": "... ", "¨": " ", "™": " ", "®": " ", "⁄": "/", "⋅": "·", "∙": "·"},
        **{"。": ". ", "．": ".", "！": "! ", "？": "? ", "、": ", ", "؟": "?", "،": ",", "؛": ";"},
        **{"।": ". ", "॥": ". ", "‐": "-", "‑": "-", "‒": "–", "―": "—", "ℓ": "l"},
        **{f: f" {f}" for f in "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"},
        **dict.fromkeys("\ufe0e\ufe0f\u20e3", None),  # how an emoji is shown, and a digit's key cap
    }
)


class _Kept(dict[int, str]):
    """A translation table that maps a character to itself, to a space, or to nothing."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if char in KEPT or category[0] in "LM" or category == "Sc":
            kept = char
        elif category[0] == "N":  # of any script, or in a circle
            value = unicodedata.numeric(char, 0.5)
            kept = f"{value:.0f}" if value == int(value) else " "
            kept = kept if category == "Nd" else f" {kept} "
        else:
            kept = "" if category in ("Cf", "Cs") else " "
        self[code] = kept
        return kept


_AFTER = _Kept()
_TAG = re.compile(r"<(?![^<>\s]{1,90}(?:@|://))/?[A-Za-z!?][^<>]{0,500}>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_STACK = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_STACKED = re.compile(f"(?<![^{_STACK}\\s])[{_STACK}]+|([{_STACK}])[{_STACK}]+")
_POWER = re.compile(f"[{''.join(_RAISED)}]+")
_GROUPED = re.compile(r"(?<!\d)\d{1,3}(?:[\u00a0\u2007\u2008\u2009\u202f]\d{3})+(?!\d)")


def clean(text: str, left_out: set[str] | None = None) -> str:
    """Reduce text to letters, digits and the signs that the rules read (Unicode NFKC).

    Tags and unspeakable characters are dropped and entities resolved; raw phonemes and directions
    stay as they are. Tags, emoji and the like are added to ``left_out``.
    """
    lost: set[str] = set() if left_out is None else left_out
    parts = re.split(f"({BLOCK})", text)
    parts[::2] = [_clean(p, lost) for p in parts[::2]]
    return "".join(parts)


def _clean(text: str, lost: set[str]) -> str:
    lost.update(_TAG.findall(text))
    text = _TAG.sub(" ", text)
    if "&" in text:
        text = _ENTITY.sub(lambda m: html.unescape(m[0]), text)
    text = text.replace("\r\n", "\n")
    if not text.isascii():
        # Spaces that don't break and thin ones group digits, as apostrophes do elsewhere.
        text = _GROUPED.sub(lambda m: re.sub(r"\s", "'", m[0]), text)
        text = _POWER.sub(lambda m: "^" + "".join(_RAISED[c] for c in m[0]), text)
    text = text.translate(_BEFORE)
    if not text.isascii():
        text = _STACKED.sub(r"\1", unicodedata.normalize("NFKC", text)).replace("⁄", "/")
        lost.update(c for c in {*text} if _AFTER[ord(c)].isspace() and _pictures(c))
    return re.sub(r"[^\S\n]+", " ", text.translate(_AFTER))


def _pictures(char: str) -> bool:
    """Whether a character that is dropped means something: an emoji, an unknown sign."""
    return unicodedata.category(char) in ("So", "Sm", "No", "Nl", "Co")


_BREAK = re.compile(
    f"(?:{BLOCK})"
    + r"""|(?<![.!?])(?P<stop>[.!?]++)(?P<close>["')\]]*+)(?=\s|$)|(?P<line> ?\n\s*)"""
)


WRAPPED = 40
"""A line of at least this many characters is taken as wrapped if the next begins in lower case."""


def word_set(words: str) -> frozenset[str]:
    """A set of the words in one string, separated by white space."""
    return frozenset(words.split())


@dataclass(frozen=True)
class Endings:
    """The words of a language that decide whether a full stop ends a sentence, in lower case."""

    titles: frozenset[str]
    """Abbreviations that never end a sentence."""
    before_number: frozenset[str]
    """Abbreviations that end no sentence before a digit."""
    abbreviations: frozenset[str]
    """Abbreviations that end a sentence unless a lower-case letter or a digit follows."""
    units: frozenset[str]
    """Abbreviations that end no sentence after a number if a lower-case letter follows."""
    starters: frozenset[str]
    """Words that begin a sentence if they are capitalised after an initial or "U.S."."""


def sentences(text: str, endings: Endings, left_out: set[str] | None = None) -> Iterator[str]:
    """Clean a text and split it into sentences, lazily.

    They end at ``. ! ? …`` before a space, and at line ends; not at the full stop of an
    abbreviation or an initial, in a decimal or an address, or at the end of a wrapped line.
    ``left_out`` is that of `clean`.
    """
    text = clean(text, left_out)
    begin = line = 0
    for m in _BREAK.finditer(text):
        if m["line"]:
            long = m.start() - line >= WRAPPED
            line = m.end()
            if long and m["line"].count("\n") == 1 and text[line : line + 1].islower():
                continue
        elif m["stop"] is None or not _ends(text, m, endings):
            continue
        if piece := text[begin : m.end()].strip():
            yield piece.replace("\n", " ")
        begin = m.end()
    if piece := text[begin:].strip():
        yield piece.replace("\n", " ")


_NUMBER = re.compile(r"\(?\d|[IVXLC]{2,7}\b|[VX]\b|of\b")


def _ends(text: str, m: re.Match[str], endings: Endings) -> bool:
    """Whether a sentence ends at the matched stop."""
    after = text[m.end() : m.end() + 40].split(maxsplit=1)
    follows = after[0] if after else ""
    if m["close"].strip(")]") and follows[:1].islower():
        return False  # "Really?" she asked.
    if m["stop"] != "." or not follows:
        return True
    found = re.search(r"(\d )?([\w.]*)$", text[max(0, m.start() - 20) : m.start()])
    counted, word = found.groups("") if found else ("", "")
    low = word.lower()
    if counted and low in endings.units and follows[0].islower():
        return False
    if low in endings.titles or follows[0] in "&+,;:=/":
        return False
    if low in endings.before_number and _NUMBER.match(follows):
        return False
    if low in endings.abbreviations:
        joined = follows[-1] == "." and follows.rstrip(".").lower() in endings.abbreviations
        return not (joined or follows[0].islower() or follows[0].isdecimal())  # "Co. Ltd."
    if re.fullmatch(r"[A-Z]|(?:\w\.)+\w", word) and word != "I":  # an initial, "U.S."
        return follows.lower().rstrip(".,'") in endings.starters and follows[0].isupper()
    return True
