"""Phonemes given in the text."""

import pytest

from wavegen.speech.frontend import read_clip
from wavegen.text import raw_phonemes


@pytest.mark.parametrize(
    ("raw", "phones"),
    [
        ("[[həlˈoʊ wˈɜːld]]", [["h", "ə", "l", "ˈoʊ"], ["w", "ˈɜː", "l", "d"], ["."]]),
        ("[[h ə l ˈoʊ]]", [["h", "ə", "l", "ˈoʊ"], ["."]]),
        ("[[həˈloʊ?]]", [["h", "ə", "l", "ˈoʊ"], ["?"]]),
        ("[[tʃˈaɪ, g'o:]]", [["tʃ", "ˈaɪ"], [","], ["ɡ", "ˈoː"], ["."]]),
    ],
)
def test_phonemes_pass_raw(raw: str, phones: list[list[str]]) -> None:
    unit = read_clip(raw)
    assert unit is not None
    assert [list(w) for w in unit.phones] == phones


def test_raw_phonemes_stand_among_words() -> None:
    unit = read_clip("Say [[t ə m ˈeɪ]] now")
    assert unit is not None
    assert unit.words == ("say", "təmˈeɪ", "now")
    assert raw_phonemes("_") == raw_phonemes("ˈ") == []
