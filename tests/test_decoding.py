"""Texts in the encodings that people have."""

import codecs
import logging
import random
from pathlib import Path

import pytest

from wavegen.decoding import decode, read_text, text_lines
from wavegen.errors import WavegenError

WESTERN = "“It’s a naïve café” – he paid 5€ at 20°C.\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "ascii"),
        (WESTERN, "utf-8"),
        (WESTERN, "utf-8-sig"),
        (WESTERN, "utf-16"),
        (WESTERN, "utf-16-le"),
        (WESTERN, "utf-16-be"),
        (WESTERN, "utf-32"),
        (WESTERN, "cp1252"),
        ("5€", "cp1252"),
        ("Café", "latin-1"),
        ("Die Straße führt über größere Brücken.\r\n", "latin-1"),
        ("one\ntwo", "utf-16-le"),
        ("Привет, это обычный текст на русском языке.", "cp1251"),
        ("Привет, это обычный текст на русском языке.", "koi8-r"),
        ("Привет, мир", "utf-16-be"),
        ("Αυτό είναι ένα κείμενο στα ελληνικά.", "cp1253"),
        ("これは日本語の文章です。読んでください。", "shift-jis"),
        ("这是一个中文句子,请读出来。", "gb18030"),
        ("이것은 한국어 문장입니다.", "euc-kr"),
    ],
)
def test_any_encoding_that_people_use_is_read(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding))[0] == text


def test_the_encoding_is_told_if_it_is_not_utf8(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "wavegen")
    file = tmp_path / "a.txt"
    file.write_text(WESTERN, "utf-8")
    assert read_text(file) == WESTERN
    assert not caplog.messages
    file.write_bytes(WESTERN.encode("cp1252"))
    assert read_text(file) == WESTERN
    assert caplog.messages == [f"{file} is read as Windows-1252"]


@pytest.mark.parametrize(
    "data",
    [
        *[
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"RIFF\xff\0",
            b"\x80\x81",
            b"\xff\xd8\xff\xe0\x01\x02",
        ],
        *[
            b"caf\xe9 \0",
            codecs.BOM_UTF16_LE + b"a",
            random.Random(0).randbytes(300),
            b"ab\x81\xe9",
        ],
    ],
)
def test_what_is_no_text_is_an_error_that_names_the_file(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(data)
    with pytest.raises(WavegenError, match=r"a\.txt is no text"):
        read_text(file)


def test_one_broken_character_does_not_make_utf8_another_encoding() -> None:
    assert decode("naïve café – 5€".encode() + b"\xe2\x82")[0] == "naïve café – 5€\ufffd"


def test_lines_are_read_as_they_come() -> None:
    lines = text_lines(iter([b"caf\xc3\xa9\n", b"caf\xe9\n"]), "standard input")
    assert next(lines) == "café\n"
    assert next(lines) == "café\n"
    wide = "one\ntwo\n".encode("utf-16").splitlines(keepends=True)
    assert list(text_lines(wide, "standard input")) == ["one\n", "two\n"]
