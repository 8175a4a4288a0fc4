"""HTML to paragraphs and headings, without footnotes and navigation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser

from wavegen.books.book import Block

VOID = re.compile("area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr")
BLOCKS = re.compile(
    "address|article|aside|blockquote|body|caption|dd|div|dl|dt|figcaption|figure|footer|form|h[1-6]"
    "|header|hgroup|li|main|ol|p|pre|section|table|tbody|td|tfoot|th|thead|tr|ul"
)
SILENT_TAGS = re.compile(
    "audio|button|canvas|head|iframe|math|nav|noscript|object|rt|rp|script|select|style|svg|template"
    "|textarea|video"
)
SILENT_ROLES = re.compile(
    "(?:doc-)?(?:noteref|(?:foot|end|rear)?notes?|pagebreak|toc|index|landmarks|page-?list|backlink)"
    "|navigation"
)
"""Of ``epub:type`` (EPUB Structural Semantics) and ``role`` (DPUB-ARIA)."""
SILENT_CLASSES = re.compile(r"(?:foot|end)-?notes?|note-?refs?|page-?num(?:ber)?s?|toc|reference")


def html_blocks(text: str) -> list[Block]:
    """The paragraphs and headings of an HTML page."""
    return _read(text).blocks


def html_title(text: str) -> str:
    """The title in a page's head, or nothing."""
    return " ".join(_read(text).title.split())


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.finish()
    return reader


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[Block] = []
        self.title = ""
        self._open: list[tuple[str, bool]] = []
        """Tags, and whether what they hold is left out."""
        self._text: list[str] = []
        self._level = 0

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._text.append(" ")
        if VOID.fullmatch(tag):
            return
        if BLOCKS.fullmatch(tag):
            self.finish()
            self._level = int(tag[1]) if re.fullmatch("h[1-6]", tag) else 0
        told = {name: value or "" for name, value in attrs}
        # A link in raised type is that of a footnote.
        raised = tag == "a" and bool(self._open) and self._open[-1][0] == "sup"
        self._open.append((tag, self._silent or raised or _is_silent(tag, told)))

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in ("br", "hr"):
            self._text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag not in (name for name, _ in self._open):
            return
        if BLOCKS.fullmatch(tag):
            self.finish()
        while self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] == "title":
            self.title += data
        elif not self._silent:
            self._text.append(data)

    @property
    def _silent(self) -> bool:
        return bool(self._open) and self._open[-1][1]

    def finish(self) -> None:
        """End a block."""
        text = " ".join("".join(self._text).split())
        self._text.clear()
        if text:
            self.blocks.append(Block(text, self._level))
        self._level = 0


def _is_silent(tag: str, attributes: dict[str, str]) -> bool:
    roles = f"{attributes.get('epub:type', '')} {attributes.get('role', '')}".lower().split()
    classes = attributes.get("class", "").lower().split()
    return (
        SILENT_TAGS.fullmatch(tag) is not None
        or "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or any(SILENT_ROLES.fullmatch(r) for r in roles)
        or any(SILENT_CLASSES.fullmatch(c) for c in classes)
    )
