"""Cleaning a text, and where its sentences end."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

from wavegen.text.raw import BLOCK

KEPT = frozenset(".,!?;:'\"()[]{}<>&+=@#%*/\\~^_|-–—−$£€¥₹¢°§©×÷±≤≥≠≈∞\n")
"""Signs that rules read, or that part words; all others are left out."""

_BEFORE = str.maketrans(
    {
        **dict.fromkeys("’‘‛ʼ´`′", "'"),
        **dict.fromkeys("\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", "\n"),
        **{"²": "^2", "³": "^3", "№": "No. ", "…": "... ", "¨": " ", "™": " ", "⁄": "/"},
        **{"。": ". ", "．": ".", "！": "! ", "？": "? ", "、": ", ", "؟": "?", "،": ",", "؛": ";"},
        **{"।": ". ", "॥": ". ", "‐": "-", "‑": "-", "‒": "–", "―": "—", "ℓ": "l"},
        **{f: f" {f}" for f in "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"},
    }
)


class _Kept(dict[int, str]):
    """What becomes of a character: itself, a space, or nothing."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        kind = unicodedata.category(char)
        if char in KEPT or kind[0] in "LM" or kind == "Nd":
            kept = char
        else:
            kept = "" if kind in ("Cf", "Cs") or char == "\u200d" else " "
        self[code] = kept
        return kept


_AFTER = _Kept()
_TAG = re.compile(r"</?[A-Za-z!?][^<>]{0,500}>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_STACK = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_STACKED = re.compile(f"(?<![^{_STACK}\\s])[{_STACK}]+|([{_STACK}])[{_STACK}]+")


def clean(text: str) -> str:
    """Text of letters, digits and the signs that rules read, in Unicode's compatibility form.

    Tags and what can't be spoken are left out, entities resolved; raw phonemes stay as they are.
    """
    parts = re.split(f"({BLOCK})", text)
    parts[::2] = [_clean(p) for p in parts[::2]]
    return "".join(parts)


def _clean(text: str) -> str:
    text = _TAG.sub(" ", text)
    if "&" in text:
        text = _ENTITY.sub(lambda m: html.unescape(m[0]), text)
    text = text.replace("\r\n", "\n").translate(_BEFORE)
    if not text.isascii():
        text = _STACKED.sub(r"\1", unicodedata.normalize("NFKC", text)).replace("⁄", "/")
    return re.sub(r"[^\S\n]+", " ", text.translate(_AFTER))


_BREAK = re.compile(
    BLOCK + r"""|(?<![.!?])(?P<stop>[.!?]++)(?P<close>["')\]]*+)(?=\s|$)|(?P<line> ?\n\s*)"""
)


def word_set(words: str) -> frozenset[str]:
    """A set of words that are given in one string."""
    return frozenset(words.split())


TITLES = word_set("""
    mr mrs ms dr prof rev fr hon messrs gen col capt cpt lt cmdr sgt maj adm sen rep gov pres st
    mt ft vs cf viz approx e.g i.e
""")
"""A full stop after these never ends a sentence."""
BEFORE_NUMBER = word_set("""
    no nos p pp fig figs vol vols ch sec art ca b d c op jan feb mar apr jun jul aug sep sept
    oct nov dec
""")
SHORT = word_set("""
    etc jr sr inc ltd co corp bros dept est ave blvd rd al ed eds esq tel mon tue tues wed thu
    thur thurs fri jan feb mar apr jun jul aug sep sept oct nov dec
""")
"""A full stop after these ends a sentence only where no small letter or digit follows."""
STARTERS = word_set("""
    the a an he she it we they i you this that these those but and so in on at if when then there
    however his her my our their what who why how
""")
WRAPPED = 40
"""A line of so many characters that goes on with a small letter is wrapped, not ended."""


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, cleaned, one by one.

    They end at ``. ! ? …`` before a space, and at line ends; not at the full stop of an
    abbreviation or an initial, in a decimal or an address, or at the end of a wrapped line.
    """
    text = clean(text)
    begin = line = 0
    for m in _BREAK.finditer(text):
        if m["line"]:
            long = m.start() - line >= WRAPPED
            line = m.end()
            if long and m["line"].count("\n") == 1 and text[line : line + 1].islower():
                continue
        elif m["stop"] is None or not _ends(text, m):
            continue
        if piece := text[begin : m.end()].strip():
            yield piece.replace("\n", " ")
        begin = m.end()
    if piece := text[begin:].strip():
        yield piece.replace("\n", " ")


def _ends(text: str, m: re.Match[str]) -> bool:
    """Whether a sentence ends at the stop that was found."""
    after = text[m.end() : m.end() + 40].split(maxsplit=1)
    follows = after[0] if after else ""
    if m["close"].strip(")]") and follows[:1].islower():
        return False  # "Really?" she asked.
    if m["stop"] != "." or not follows:
        return True
    found = re.search(r"[\w.]*$", text[max(0, m.start() - 20) : m.start()])
    word = found[0] if found else ""
    low = word.lower()
    if low in TITLES or (low in BEFORE_NUMBER and follows[0].isdecimal()):
        return False
    if low in SHORT:
        return not (follows[0].islower() or follows[0].isdecimal())
    if re.fullmatch(r"[A-Z]|(?:\w\.)+\w", word) and word != "I":  # an initial, "U.S."
        return follows.lower().rstrip(".,'") in STARTERS and follows[0].isupper()
    return True
