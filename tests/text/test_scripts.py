"""Scripts that a language's voice reads, and those that it can only spell."""

import pytest

from wavegen.speech.frontend import read_clip
from wavegen.text import split_scripts


@pytest.mark.parametrize(
    ("word", "language", "read", "rest"),
    [
        ("naïve", "en-us", "naïve", []),
        ("日本語", "en-us", "", ["日本語 (Chinese characters)"]),
        ("こんにちは", "en-us", "", ["こんにちは (Hiragana)"]),
        ("привет", "en-us", "", ["привет (Cyrillic)"]),
        ("я", "en-us", "", ["я (Cyrillic)"]),
        ("مرحبا", "de", "", ["مرحبا (Arabic)"]),
        ("iphone手机", "en-us", "iphone", ["手机 (Chinese characters)"]),
        ("привет", "ru", "привет", []),
        ("你好", "cmn", "你好", []),
        ("こんにちは", "ja", "こんにちは", []),
        ("日本語です", "ja", "です", ["日本語 (Chinese characters)"]),
        ("नमस्ते", "hi", "नमस्ते", []),
        ("안녕", "ko", "안녕", []),
        ("שלום", "he", "שלום", []),
    ],
)
def test_what_espeak_would_spell_is_set_apart(
    word: str, language: str, read: str, rest: list[str]
) -> None:
    assert split_scripts(word, language) == (read, rest)


def test_what_can_not_be_said_is_left_out_and_named() -> None:
    left_out: set[str] = set()
    unit = read_clip("I like 日本語 🎉, <b>really</b> [[5]]", left_out=left_out)
    assert unit is not None
    assert unit.words == ("i", "like", "really")
    assert left_out == {"日本語 (Chinese characters)", "🎉", "<b>", "</b>", "[[5]]"}
    assert read_clip("日本語", left_out=left_out) is None
    assert read_clip("naïve “quoted” text… ™ – α²", left_out=(nothing := set())) is not None
    assert not nothing
