"""The rules of a language: how its text is read aloud, and where its sentences end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wavegen.text.segmentation import Endings


@dataclass(frozen=True)
class Language:
    """One language's entry in `wavegen.text.normalisation.LANGUAGES`."""

    normalise: Callable[[str, frozenset[str], str], str]
    """(cleaned text, known words, language code) → lower-case text with numbers, abbreviations and
    signs written as words. The known words are a small vocabulary's, or none."""
    endings: Endings
    """Where sentences end."""
