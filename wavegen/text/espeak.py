"""Words to phonemes with espeak-ng.

The library keeps its language and its place in the text in global variables, so that there is one
of it in a process, and one thread at a time uses it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import re
import threading
from collections.abc import Sequence

from wavegen.errors import TextError
from wavegen.text.raw import STRESS

LANGUAGE = "en-us"
SPELLED_A = "A"
"""The letter's name; "a" is the article, which sounds different."""
_LOCK = threading.Lock()
"""Held from the choice of the language to the last clause of the text."""


def phonemes(words: Sequence[str], language: str = LANGUAGE) -> list[list[str]]:
    """Return the phonemes of each spoken word in a phrase: IPA, a stress mark before its vowel.

    espeak-ng may join short words ("of the"), so there can be fewer lists than words. A regional
    variant that it does not have ("fr-fr") falls back to the language ("fr").

    Raises:
        TextError: espeak-ng is not installed or does not know the language.
    """
    runs: list[list[str]] = [[]]
    for word in words:
        # Among other words, espeak-ng takes any "a" for the article, whatever its case.
        runs += [[word], []] if word == SPELLED_A else []
        if word != SPELLED_A:
            runs[-1].append(word)
    return [list(w) for run in runs for w in _phonemes(" ".join(run), language)]


@functools.lru_cache(4096)
def _phonemes(text: str, language: str) -> tuple[tuple[str, ...], ...]:
    buffer = ctypes.create_string_buffer(text.encode(errors="ignore"))
    pointer = ctypes.c_void_p(ctypes.addressof(buffer))
    out = []
    with _LOCK:
        lib = _speaking(language)
        # Each call reads one clause and advances the pointer, which is null at the end.
        while pointer.value:
            utf8, ipa = 1, 0x02 | ord("_") << 8  # '_' between phonemes
            clause = lib.espeak_TextToPhonemes(ctypes.byref(pointer), utf8, ipa) or b""
            out.append(clause.decode(errors="ignore"))
    ipa_words = re.sub(r"\([a-z-]+\)", "", " ".join(out)).split()  # (en)…: language switches
    split = (tuple(p for p in w.split("_") if p.strip(STRESS + ".,?!")) for w in ipa_words)
    return tuple(w for w in split if w)


@functools.lru_cache(1)  # espeak-ng holds one language; setting it takes longer than a phrase
def _speaking(language: str) -> ctypes.CDLL:
    lib = _espeak()
    base, _, region = language.partition("-")
    for name in (language, base if len(region) == 2 else ""):
        if name and lib.espeak_SetVoiceByName(name.encode(errors="ignore")) == 0:
            return lib
    raise TextError(f"espeak-ng does not know the language '{language}'")


@functools.cache
def _espeak() -> ctypes.CDLL:
    """Load and initialise libespeak-ng: that of espeakng-loader, else the system's."""
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
