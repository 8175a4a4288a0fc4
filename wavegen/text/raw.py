"""Phonemes given in the text itself: ``[[həlˈoʊ wˈɜːld]]``."""

from __future__ import annotations

import re

STRESS = "ˈˌ"
PHONEMES = r"\[\[[^\[\]]*\]\]"
"""A block of raw phonemes; unbalanced or nested brackets are no block."""
VOWELS = "aeiouyæɐɑɒɔəɚɛɜɝɞɘɤɨɪɯɵøœɶʉʊʌʏᵻ\u0329"
_MODIFIER = "[ːˑʰʲʷˠˤ˞\u0300-\u036f]"
_NO_VOWEL = f"(?![{STRESS}]?[{VOWELS}])"
SYMBOL = re.compile(
    f"[{STRESS}]"
    f"|(?:ɔːɹ|ɑːɹ|aɪɚ|aɪə|(?:ɛɹ|ɪɹ|ʊɹ|əl){_NO_VOWEL}"  # coloured by a consonant of their syllable
    f"|aɪ|aʊ|eɪ|oʊ|əʊ|ɔɪ|ɪə|iə|eə|ʊə|tʃ|dʒ|[^\\s{STRESS}]){_MODIFIER}*"
)
"""The symbols that espeak-ng writes for English, longest first; else a letter and its modifiers."""
_TYPED = str.maketrans({"g": "ɡ", "'": "ˈ", ":": "ː", "\u0361": None, "\u035c": None, "_": None})


def raw_words(block: str) -> list[str]:
    """Split a raw block into words, with its marks ``, . ? !`` as words of their own.

    Words are separated by spaces, unless every piece between spaces is a single phoneme: then they
    form one word, so ``h ə l ˈoʊ`` is ``həlˈoʊ``.
    """
    pieces = re.findall(r"[,.?!]|[^\s,.?!]+", block)
    counts = [n for p in pieces if (n := len(raw_phonemes(p)))]
    if len(counts) > 1 and max(counts) == 1:
        pieces = re.findall(r"[,.?!]|[^,.?!]+", block)
    return [p for p in pieces if p in ",.?!" or raw_phonemes(p)]


def raw_phonemes(word: str) -> list[str]:
    """Split a word in IPA into the symbols that espeak-ng would write, by longest match.

    A stress mark may stand before its syllable, as in dictionaries, or before its vowel, where it
    is moved to. The ASCII characters ``g : '`` are read as ``ɡ ː ˈ``.
    """
    phones: list[str] = []
    stress = ""
    for piece in word.translate(_TYPED).split():
        for symbol in SYMBOL.findall(piece):
            if symbol in STRESS:
                stress = symbol
            elif any(c in VOWELS for c in symbol):
                phones.append(stress + symbol)
                stress = ""
            elif any(c.isalpha() for c in symbol):
                phones.append(symbol)
    return phones
