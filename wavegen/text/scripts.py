"""Letters of other scripts than Latin: whether espeak-ng reads them in a language.

Where it does not, it spells them ("Chinese letter, Chinese letter").
"""

from __future__ import annotations

import functools
import unicodedata

from wavegen.text.espeak import phonemes

SAMPLES = {"CJK": "你好", "CYRILLIC": "мама", "ARABIC": "سلام"}
"""Words that every language with the script can read; of other scripts the word itself is tried."""
NAMES = {"CJK": "Chinese characters"}


@functools.cache
def _script(char: str) -> str:
    """First word of a letter's Unicode name, which is its script; empty for marks and digits."""
    return unicodedata.name(char, "UNKNOWN").split()[0] if char.isalpha() else ""


def split_scripts(word: str, language: str) -> tuple[str, list[str]]:
    """What of a word can be read, and the rest, each piece with its script's name.

    Raises:
        TextError: espeak-ng is not installed or does not know the language.
    """
    if word.isascii():
        return word, []
    runs: list[list[str]] = []
    for char in word:
        script = _script(char)
        if runs and script in ("", runs[-1][0]):
            runs[-1][1] += char
        else:
            runs.append([script, char])
    read, rest = "", []
    for script, run in runs:
        if script in ("", "LATIN") or readable(run, script, language):
            read += run
        else:
            rest.append(f"{run} ({NAMES.get(script, script.title())})")
    return read, rest


@functools.lru_cache(4096)
def readable(word: str, script: str, language: str) -> bool:
    """Whether espeak-ng reads a word as a word, and does not spell it."""
    word = SAMPLES.get(script, word)
    letters = sum(c.isalpha() for c in word)
    if letters == 1:
        word, letters = 2 * word, 2
    found = phonemes([word], language)
    if script == "CJK":  # where each character is a word
        return found[0] != found[-1] or len(found) == 1
    return 0 < len(found) < 0.7 * letters
