"""Books by their suffix."""

from __future__ import annotations

import re
from pathlib import Path

from wavegen.books.book import SUFFIXES, Block, Book, into_chapters
from wavegen.books.epub import read_epub
from wavegen.books.html import html_blocks, html_title
from wavegen.decoding import read_text
from wavegen.errors import TextError

_NAMED = "chapter|part|book|prologue|epilogue|preface|foreword|introduction|afterword|appendix"
_HEADING = re.compile(rf"(?:the )?(?:{_NAMED})\b.{{0,60}}|[IVXLC]{{1,7}}\.?|\d{{1,3}}\.?", re.I)
_GUTENBERG = re.compile(r"\*\*\* ?(START|END) OF TH(?:E|IS) PROJECT GUTENBERG.*?\*\*\*", re.S)
_NOTE = re.compile(r"^\[\^[^\]]+\]:.*(?:\n(?:[ \t]+.*|(?=\n[ \t])))*", re.M)


def read_book(path: Path) -> Book:
    """Read a book: .txt, .md, .html or .epub.

    Raises:
        TextError: it is none of these, can't be read, or holds no text.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise TextError(f"{path}: a book's suffix must be one of {', '.join(SUFFIXES)}")
    try:
        book = read_epub(path) if suffix == ".epub" else _read(path, suffix)
    except OSError as e:
        raise TextError(f"can't read {path}: {e.strerror or e}") from e
    if not book.chapters:
        raise TextError(f"{path} holds no text to read")
    return book


def _read(path: Path, suffix: str) -> Book:
    text, title = read_text(path).replace("\r\n", "\n"), path.stem
    if suffix == ".txt":
        blocks = plain_blocks(text)
    elif suffix in (".md", ".markdown"):
        blocks = markdown_blocks(text)
    else:
        blocks, title = html_blocks(text), html_title(text) or title
    title, chapters = into_chapters(blocks, title)
    return Book(title, "", tuple(chapters))


def plain_blocks(text: str) -> list[Block]:
    """Paragraphs, which empty lines separate; a short one such as "Chapter 3" is a heading. What
    Project Gutenberg writes before and after a book is left out."""
    marks = {m[1]: m for m in _GUTENBERG.finditer(text)}
    begin = marks["START"].end() if "START" in marks else 0
    text = text[begin : marks["END"].start() if "END" in marks else None]
    paragraphs = (" ".join(p.split()) for p in re.split(r"\n\s*\n", text))
    return [Block(p, 2 if _HEADING.fullmatch(p) else 0) for p in paragraphs if p]


def markdown_blocks(text: str) -> list[Block]:
    """Paragraphs and headings of Markdown (CommonMark, with tables), without footnotes."""
    from markdown_it import MarkdownIt

    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)  # front matter
    text = re.sub(r"\[\^[^\]]+\]", "", _NOTE.sub("", text))
    return html_blocks(MarkdownIt("commonmark").enable("table").render(text))
