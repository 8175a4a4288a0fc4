"""Text to words to phonemes: number reading by num2words, phonemes by espeak-ng."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import re
import unicodedata
from collections.abc import Collection, Sequence

from wavegen.errors import TextError

STRESS = "ˈˌ"
LANGUAGE = "en-us"
TOKEN = re.compile(r"\d+(?:\.\d+)?|(?:[^\W\d_]|[\u0300-\u036f])+(?:'[^\W\d_]+)*")
"""Numbers, and words with their combining marks and apostrophes."""


def normalise(text: str, vocabulary: Collection[str] = ()) -> list[list[str]]:
    """Split a text into phrases of lower-case words, numbers read out.

    Args:
        text: anything.
        vocabulary: words the voice has heard. A number is read digit by digit where its words
            are not among them but its digits' names are (so "427" is "four two seven" to a
            voice that knows digits), and where it begins with 0.

    Returns:
        Phrases, cut at punctuation and line ends, each a list of words; symbols and emoji are
        left out.
    """
    text = unicodedata.normalize("NFC", text).replace("’", "'").replace("-", " ")
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)  # 1,000 is one number
    phrases = []
    for phrase in re.split(r"[;:!?…\n\r]+|[.,]+(?!\d)", text):
        words: list[str] = []
        for token in TOKEN.findall(phrase):
            words += _number(token, vocabulary) if token[0].isdecimal() else [token.lower()]
        if words:
            phrases.append(words)
    return phrases


def _number(token: str, vocabulary: Collection[str]) -> list[str]:
    digits = [w for d in token if d.isdecimal() for w in _read(d)]
    if (token[0] == "0" and "." not in token) or len(token) > 30:
        return digits
    words = _read(token)
    known = set(vocabulary)
    return digits if known and not known.issuperset(words) and known.issuperset(digits) else words


@functools.lru_cache(1024)
def _read(number: str) -> list[str]:
    from num2words import num2words

    words = num2words(float(number) if "." in number else int(number))
    return re.findall(r"[^\W\d_]+", words)


def phonemes(words: Sequence[str], language: str = LANGUAGE) -> list[list[str]]:
    """The phonemes (IPA, a stress mark before its vowel) of each spoken word of a phrase.

    espeak-ng may join short words ("of the"), so there can be fewer lists than words.

    Raises:
        TextError: espeak-ng is not installed, or does not know the language.
    """
    return [list(w) for w in _phonemes(" ".join(words), language)]


@functools.lru_cache(4096)
def _phonemes(text: str, language: str) -> tuple[tuple[str, ...], ...]:
    lib = _espeak()
    if lib.espeak_SetVoiceByName(language.encode()) != 0:
        raise TextError(f"espeak-ng does not know the language '{language}'")
    buffer = ctypes.create_string_buffer(text.encode())
    pointer = ctypes.c_void_p(ctypes.addressof(buffer))
    out = []
    # One clause is read a call; the pointer is moved on, and null at the end.
    while pointer.value:
        utf8, ipa = 1, 0x02 | ord("_") << 8  # '_' between phonemes
        out.append((lib.espeak_TextToPhonemes(ctypes.byref(pointer), utf8, ipa) or b"").decode())
    ipa_words = re.sub(r"\([a-z-]+\)", "", " ".join(out)).split()  # (en)…: language switches
    split = (tuple(p for p in w.split("_") if p.strip(STRESS)) for w in ipa_words)
    return tuple(w for w in split if w)


@functools.cache
def _espeak() -> ctypes.CDLL:
    """libespeak-ng of the espeakng-loader package, else the system's, initialised."""
    try:
        import espeakng_loader

        path, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
    except ImportError:
        path, data = ctypes.util.find_library("espeak-ng"), None
    if path is None:
        raise TextError(
            "speaking text needs espeak-ng: pip install 'wavegen[espeak]', "
            "or install your system's espeak-ng"
        )
    lib = ctypes.CDLL(path)
    lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
    synchronous, no_exit = 2, 0x8000
    if lib.espeak_Initialize(synchronous, 0, data and str(data).encode(), no_exit) < 0:
        raise TextError(f"espeak-ng could not start: its data is missing (library {path})")
    return lib
