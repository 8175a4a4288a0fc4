"""A text to the units that a voice speaks in one go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from wavegen.speech.phones import PAUSE
from wavegen.text import STRESS, normalise, phonemes


@dataclass(frozen=True)
class Unit:
    """Words spoken without a pause."""

    words: tuple[str, ...]
    phones: tuple[tuple[str, ...], ...]
    """Phonemes of each spoken word; espeak-ng may join words, so the counts can differ."""


def read_clip(text: str) -> Unit | None:
    """The transcript of one clip as one unit; None when nothing in it can be spoken."""
    phrases = normalise(text)
    phones = tuple(tuple(w) for p in phrases for w in phonemes(p))
    return Unit(tuple(w for p in phrases for w in p), phones) if phones else None


def read_text(text: str, longest: int, vocabulary: Collection[str]) -> list[Unit]:
    """A text to speak as units: phrases, cut to at most ``longest`` words.

    A voice trained on single words then speaks single words, with the pauses of its training
    between them, and one trained on sentences speaks phrases.
    """
    units = []
    for phrase in normalise(text, vocabulary):
        for i in range(0, len(phrase), longest):
            words = phrase[i : i + longest]
            phones = tuple(tuple(w) for w in phonemes(words))
            if phones:
                units.append(Unit(tuple(words), phones))
    return units


def symbol_table(units: Sequence[Unit]) -> tuple[str, ...]:
    """The pause and all phonemes that occur, sorted."""
    return (PAUSE, *sorted({p for u in units for w in u.phones for p in w}))


def symbol_ids(unit: Unit, symbols: Sequence[str]) -> list[list[int]]:
    """Symbol indices of each word; a phoneme the voice lacks becomes its nearest kin: another
    stress, else one that begins alike, else it is left out."""
    table = {s: i for i, s in enumerate(symbols)}
    bare = {s.lstrip(STRESS): i for s, i in table.items()}
    head = {s[:1]: i for s, i in bare.items()}

    def find(phone: str) -> int | None:
        plain = phone.lstrip(STRESS)
        return table.get(phone, bare.get(plain, head.get(plain[:1])))

    words = [[i for p in w if (i := find(p)) is not None] for w in unit.phones]
    return [w for w in words if w]
