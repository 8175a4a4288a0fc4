"""Words to phonemes with espeak-ng."""

import sys

import pytest

from wavegen.errors import TextError
from wavegen.text import espeak, phonemes


def test_espeak_gives_phonemes_with_stress_by_word() -> None:
    assert phonemes(["seven"]) == [["s", "ˈɛ", "v", "ə", "n"]]
    assert len(phonemes(["four", "two"])) == 2


def test_without_espeak_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    espeak._espeak.cache_clear()
    espeak._speaking.cache_clear()
    espeak._phonemes.cache_clear()
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(TextError, match=r"wavegen\[espeak\]"):
        phonemes(["one"])
    monkeypatch.undo()
    assert phonemes(["one"])
