"""What a book is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SUFFIXES = (".txt", ".md", ".markdown", ".html", ".htm", ".xhtml", ".epub")


@dataclass(frozen=True)
class Chapter:
    title: str
    paragraphs: tuple[str, ...]
    """Without the title."""

    @property
    def words(self) -> int:
        return sum(len(p.split()) for p in (self.title, *self.paragraphs))


@dataclass(frozen=True)
class Book:
    title: str
    author: str
    """Empty if it is not known."""
    chapters: tuple[Chapter, ...]


@dataclass(frozen=True)
class Block:
    """A paragraph, or a heading of level 1 to 6."""

    text: str
    level: int = 0


def into_chapters(blocks: Sequence[Block], title: str) -> tuple[str, list[Chapter]]:
    """The title of a text and its chapters.

    Chapters begin at the headings of the highest level that there are at least two of. A single
    heading above them is the title.

    Args:
        blocks: of the text.
        title: where it has none of its own.
    """
    counts = Counter(b.level for b in blocks if b.level)
    level = min((n for n, count in counts.items() if count > 1), default=7)
    titles = [b.text for b in blocks if 0 < b.level < level]
    title = titles[0] if titles else title
    chapters: list[tuple[str, list[str]]] = [(title, [])]
    for block in blocks:
        if block.level == level:
            chapters.append((block.text, []))
        elif block.text != title or not block.level:
            chapters[-1][1].append(block.text)
    return title, made_chapters(chapters)


def made_chapters(parts: Iterable[tuple[str, Sequence[str]]]) -> list[Chapter]:
    """Chapters of (title, paragraphs), without those that say nothing."""
    kept = [(title, tuple(p for p in text if p.strip())) for title, text in parts]
    return [Chapter(title, text) for title, text in kept if text]
