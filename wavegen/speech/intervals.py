"""When each word and each phoneme of an alignment is spoken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wavegen.speech.alignment import Alignment
from wavegen.speech.frontend import Unit
from wavegen.speech.pairing import pair_words
from wavegen.text import LANGUAGE


@dataclass(frozen=True)
class Interval:
    label: str
    """Empty in silence; among phonemes, silence at a punctuation mark is labelled with it."""
    start: float
    """Seconds."""
    end: float


Tier = tuple[Interval, ...]


def intervals(
    unit: Unit,
    alignment: Alignment,
    ends: Sequence[float],
    symbols: Sequence[str],
    silent: int,
    language: str = LANGUAGE,
    begin: float = 0.0,
) -> tuple[Tier, Tier]:
    """The words and the phonemes of a unit; both tile it.

    Args:
        unit: what is said.
        alignment: of its symbols.
        ends: of each symbol of the alignment, in seconds.
        symbols: of the voice or the aligner.
        silent: number of silent symbols, which are the first.
        language: of the text.
        begin: of the unit, in seconds.

    Returns:
        Words as they are spoken, joined by spaces where espeak-ng joins them; and phonemes.
    """
    starts = [begin, *ends]
    spoken = [w for w in alignment.words if not _silent(w, silent)]
    texts = [w for w in unit.words if any(c.isalnum() for c in w)]
    labels: dict[int, str] = {}  # of the first spoken word of each group
    for written, said in pair_words(texts, [[symbols[p] for p in w] for w in spoken], language):
        label = " ".join(texts[n] for n in written) or " ".join(unit.words)
        labels |= dict.fromkeys(said, "") | {said[0]: label}
    phones: list[Interval] = []
    words: list[Interval] = []
    at = count = 0
    for word in alignment.words:
        start, end = starts[at], ends[at + len(word) - 1]
        for n, p in enumerate(word, at):
            if ends[n] > starts[n]:
                phones.append(Interval(symbols[p] if p else "", starts[n], ends[n]))
        at += len(word)
        label = ""
        if not _silent(word, silent):
            label = labels[count]
            count += 1
            if not label:  # a further part of the word before
                words[-1] = Interval(words[-1].label, words[-1].start, end)
                continue
        if end > start:
            words.append(Interval(label, start, end))
    return tuple(words), tuple(phones)


def _silent(word: Sequence[int], silent: int) -> bool:
    return all(p < silent for p in word)
