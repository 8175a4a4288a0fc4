"""EPUB (W3C EPUB 3.3, and 2) to chapters."""

from __future__ import annotations

import logging
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urldefrag
from xml.etree import ElementTree

from wavegen.books.book import Book, made_chapters
from wavegen.books.html import html_blocks
from wavegen.decoding import decode
from wavegen.errors import TextError

log = logging.getLogger(__name__)
MOST = 64 << 20
"""Bytes that are read of it at most, so that a small archive can't fill the memory."""
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""As EPUB has it (OCF ZIP container); the others can't be unpacked piece by piece."""
FAULTS = (KeyError, ValueError, RuntimeError, ElementTree.ParseError)
"""Of a file that is missing, is too large, is encrypted, or is no XML."""
XHTML = ("application/xhtml+xml", "text/html")


def read_epub(path: Path) -> Book:
    """The chapters of an EPUB in reading order, without its navigation.

    A file of it is a chapter if the table of contents names it or it begins with a heading; else it
    goes on with the chapter before.

    Raises:
        TextError: it is none, or is damaged or encrypted.
        OSError: it can't be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(path, _Files(archive))
    except (zipfile.BadZipFile, zlib.error, EOFError, *FAULTS) as e:
        raise TextError(f"{path} can't be read as an EPUB: {' '.join(str(e).split())}") from e


class _Files:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive, self._left = archive, MOST

    def text(self, name: str) -> str:
        if self._archive.getinfo(name).compress_type not in PACKED:
            raise ValueError(f"{name} is packed otherwise than in an EPUB")
        with self._archive.open(name) as file:  # whose size may be another than it is said to be
            data = file.read(self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(f"with {name} it is larger than {MOST >> 20} MB")
        return decode(data)[0]

    def xml(self, name: str) -> ElementTree.Element:
        text = self.text(name)
        if "<!ENTITY" in text:
            raise ValueError(f"{name} declares entities, which may become very long")
        return ElementTree.fromstring(text)


def _read(path: Path, files: _Files) -> Book:
    container = files.xml("META-INF/container.xml")
    root = next((e.get("full-path", "") for e in _all(container, "rootfile")), "")
    package = files.xml(root)
    items = {e.get("id"): e for e in _all(package, "item")}
    titles = dict(_contents(files, root, list(items.values())))
    parts: list[tuple[str, list[str]]] = []
    for reference in _all(package, "itemref"):
        item = items.get(reference.get("idref"))
        if item is None or reference.get("linear") == "no" or _is_navigation(item):
            continue
        if item.get("media-type") not in XHTML:
            continue
        name = _beside(root, item.get("href", ""))
        blocks = html_blocks(files.text(name))
        title = titles.get(name, "")
        headed = bool(blocks and blocks[0].level)
        if title or headed or not parts:
            parts.append((title or (blocks[0].text if headed else ""), []))
            blocks = blocks[headed:]
        parts[-1][1].extend(b.text for b in blocks)
    title = _told(package, "title") or path.stem
    named = [(heading or title, text) for heading, text in parts]
    return Book(title, _told(package, "creator"), tuple(made_chapters(named)))


def _contents(
    files: _Files, root: str, items: list[ElementTree.Element]
) -> Iterator[tuple[str, str]]:
    """(file, title) of the table of contents, the first title of each file last."""
    for item in items:
        name = _beside(root, item.get("href", ""))
        found: list[tuple[str, str]] = []
        try:
            if _is_navigation(item):
                nav = next(_all(files.xml(name), "nav"), None)
                for link in [] if nav is None else _all(nav, "a"):
                    found.append((link.get("href", ""), " ".join("".join(link.itertext()).split())))
            elif item.get("media-type") == "application/x-dtbncx+xml":
                for point in _all(files.xml(name), "navPoint"):
                    source = next((e.get("src", "") for e in _all(point, "content")), "")
                    found.append((source, _told(point, "text")))
        except FAULTS as e:  # headings tell the chapters, too
            log.warning(f"without the table of contents {name}: {e}")
        for href, title in reversed(found):
            yield _beside(name, href), title


def _is_navigation(item: ElementTree.Element) -> bool:
    return "nav" in item.get("properties", "").split()


def _all(element: ElementTree.Element, tag: str) -> Iterator[ElementTree.Element]:
    return element.iterfind(f".//{{*}}{tag}")


def _told(element: ElementTree.Element, tag: str) -> str:
    texts = (" ".join("".join(e.itertext()).split()) for e in _all(element, tag))
    return next((t for t in texts if t), "")


def _beside(name: str, href: str) -> str:
    """The name of a file that another one refers to."""
    path = unquote(urldefrag(href).url)
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
