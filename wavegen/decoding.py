"""Text in any encoding: UTF-8, UTF-16 and UTF-32, with a byte order mark or without, and what
editors and spreadsheets wrote before them."""

from __future__ import annotations

import codecs
import io
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from charset_normalizer import from_bytes

from wavegen.errors import WavegenError

log = logging.getLogger(__name__)
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before that of UTF-16, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WESTERN = "cp1252"
"""Windows-1252, which has all printable characters of Latin-1 in their places."""
OTHERS = ("cp1251", "koi8_r", "cp1253", "shift_jis", "gb18030", "big5", "euc_kr")
"""Encodings of other scripts, most of whose letters are not ASCII."""
NAMES = {"cp1252": "Windows-1252", "cp1251": "Windows-1251", "cp1253": "Windows-1253"}
BROKEN = "\ufffd"
GUESSED_FROM = 65536
"""Bytes from which an encoding is guessed."""


def decode(data: bytes) -> tuple[str, str]:
    """Text and the name of its encoding, such as ``utf-8``.

    Raises:
        UnicodeError: it is no text.
    """
    for mark, name in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(name), name.removesuffix("-sig")
    with_zeros = b"\0" in data
    if with_zeros and len(data) % 2 == 0:
        for name, high, low in (
            ("utf-16-le", data[1::2], data[::2]),
            ("utf-16-be", data[::2], data[1::2]),
        ):
            # Most characters are ASCII, or in one other block.
            if 0 not in low and (2 * high.count(0) > len(high) or len({*high}) == 2):
                return data.decode(name), name
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        if with_zeros:
            raise
    text = data.decode("utf-8", errors="replace")
    if sum(c > "\x7f" and c != BROKEN for c in text) > 3 * text.count(BROKEN):
        return text, "utf-8, damaged"
    name = _legacy(data)
    return data.decode(name), name


def _legacy(data: bytes) -> str:
    """The encoding with one byte per character, or two in East Asia; raises `UnicodeError`."""
    part = data[:GUESSED_FROM]
    foreign = sum(b >= 0x80 for b in part)
    if 3 * foreign > sum(b > 0x20 for b in part) and len(part) > 8:
        best = from_bytes(part, cp_isolation=[WESTERN, *OTHERS]).best()
        if best is None:
            raise UnicodeError("it is no text")
        return best.encoding
    if sum(b < 0x20 and b not in b"\t\n\r\f" for b in part) > len(part) / 50:
        raise UnicodeError("it holds control characters")
    return WESTERN


def read_text(path: Path) -> str:
    """The text in a file; one line on the log says its encoding, where that is not UTF-8.

    Raises:
        WavegenError: it is no text.
        OSError: it can't be read.
    """
    return text_of(path.read_bytes(), str(path))


def text_of(data: bytes, name: str) -> str:
    """As `read_text`, of bytes that a message calls by ``name``."""
    text, encoding = _decode(data, name)
    tell(name, encoding)
    return text


def _decode(data: bytes, name: str) -> tuple[str, str]:
    try:
        return decode(data)
    except UnicodeError as e:
        raise WavegenError(
            f"{name} is no text in UTF-8, UTF-16 or another encoding that can be told; save it as "
            "UTF-8"
        ) from e


def text_lines(lines: Iterable[bytes], name: str) -> Iterator[str]:
    """Lines as they come, each in UTF-8 or another encoding; UTF-16 needs a byte order mark.

    Raises:
        WavegenError: a line is no text.
    """
    seen: set[str] = set()
    for number, line in enumerate(lines := iter(lines)):
        if number == 0 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            text = text_of(line + b"".join(lines), name)  # whose lines end otherwise
            yield from io.StringIO(text, newline="")
            return
        text, encoding = _decode(line, name)
        if encoding not in seen:
            seen.add(encoding)
            tell(name, encoding)
        yield text


def tell(name: str, encoding: str) -> None:
    """Say on the log how a text is read, if it is not in UTF-8."""
    if encoding != "utf-8":
        log.info(f"{name} is read as {NAMES.get(encoding, encoding.upper())}")
