"""Addresses of the web and of mail, paths, names of files, handles and hashtags to words."""

from __future__ import annotations

import re
from re import Match

from wavegen.text.english.numbers import digits, paired, spell
from wavegen.text.english.rules import either

_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
_LINK = re.compile(
    r"(?<![\w.@-])(?:(?:https?|ftp)://|www\.)[^\s<>\"\[\]]{1,2000}"
    r"|(?<![\w.@-])(?:[A-Za-z][\w-]{0,62}\.){1,8}"
    r"(?:com|org|net|edu|gov|io|ai|app|dev|info|co\.uk|uk|de|fr|eu|ca|au|us|tv)\b"
    r"(?!\.\w)(?:/[^\s<>\"\[\]]{0,2000})?"
)
_PATH = re.compile(
    r"(?<![\w.~:/\\)-])(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\][\w.+@-]{1,100}){1,30}[/\\]?(?:\?[\w=&%+.-]{1,200})?(?<![.,])"
)
WORDLIKE = {
    "json": "json", "jpeg": "jpeg", "jpg": "jpeg", "tar": "tar", "zip": "zip", "doc": "doc",
    "bin": "bin", "bat": "bat", "log": "log", "conf": "conf", "lock": "lock", "yaml": "yaml",
    "toml": "toml", "ini": "ini", "gif": "gif", "java": "java", "wav": "wave", "exe": "E.X.E.",
}  # fmt: skip
"""Suffixes that are said as a word."""
_SPELLED = """
    pdf txt md py js ts tsx jsx sh html htm css csv tsv xml sql php cpp hpp rb rs kt png svg mp3 mp4
    flac ogg m4a avi mov docx xlsx pptx gz bz2 xz tgz yml cfg env dll so db ipynb
"""
SUFFIXES = {**WORDLIKE, **{s: spell(s) for s in _SPELLED.split()}}
_FILE = re.compile(
    rf"(?<![\w.@/-])\w[\w-]{{0,80}}(?:\.[\w-]{{1,40}}){{0,4}}\.(?:{either(SUFFIXES)})(?![\w/])"
)
_HIDDEN = re.compile(r"(?<![\w.)\]])\.(?=[A-Za-z]{2})")
_HANDLE = re.compile(r"(?<![\w.@])@(?=[A-Za-z]\w)(\w{1,60})")
_HASHTAG = re.compile(r"(?<![\w&])#(\w{0,20}[^\W\d]\w{0,80})")
_COLOUR = re.compile(r"(?=\w*\d)[0-9A-Fa-f]{6}")
_SPOKEN = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "?": "question mark", "@": "at",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", ":": "colon", "~": "tilde",
    "+": "plus", ",": "comma", "\\": "backslash",
}  # fmt: skip
_LETTERED = re.compile(r"\b(uk|us|eu|ai|io|tv|www|html|php|pdf|http|https|ftp)\b")
_SUFFIX = re.compile(rf"(?<=dot )({either(SUFFIXES)})\b")


def _link(m: Match[str]) -> str:
    whole = m[0].rstrip(".,;:!?)]}'*")
    link = re.sub(r"^\w+://", "", whole).rstrip("/")
    link = re.sub(r"(?<!\d)(?:\d{1,3}\.){3}\d{1,3}(?!\d)", _address, link)
    link = re.sub(r":(\d{2,5})\b", lambda p: f":{paired(p[1])} ", link)
    return _LETTERED.sub(lambda s: " ".join(s[0]), _named(link)) + m[0][len(whole) :]


def _address(m: Match[str]) -> str:
    return ".".join(digits(part) for part in m[0].split("."))


def _named(text: str) -> str:
    text = re.sub(r"(?<![A-Za-z])v(?=\d)", "v ", text)
    return re.sub(r"[^\w\s]|_", lambda s: f" {_SPOKEN.get(s[0], '')} ", text)


def _file(m: Match[str]) -> str:
    words = re.sub(" +", " ", _named(m[0]))
    return _SUFFIX.sub(lambda s: SUFFIXES[s[1]], words)


def _hashtag(m: Match[str]) -> str:
    if _COLOUR.fullmatch(m[1]):
        return f"hashtag {spell(m[1])}"
    words = re.sub(r"(?<=[a-z])(?=[A-Z\d])|(?<=\d)(?=[A-Z])", " ", m[1])
    return f"hashtag {words.replace('_', ' ')}"


def read_links(text: str) -> str:
    """Spell out addresses: "example dot com slash a", "at bob", "hashtag fun"."""
    if "@" in text:
        text = re.sub(r"<([^<>\s]{1,90}@[^<>\s]{1,90})>", r" \1 ", text)
        text = _MAIL.sub(_link, text)
        text = _HANDLE.sub(lambda m: f"at {m[1].replace('_', ' underscore ')}", text)
    if "." in text or "://" in text:
        text = _LINK.sub(_link, text)
    if "/" in text or "\\" in text:
        text = _PATH.sub(_file, text)
    if "." in text:
        text = _FILE.sub(_file, text)
        text = _HIDDEN.sub(" dot ", text)
    return _HASHTAG.sub(_hashtag, text) if "#" in text else text
