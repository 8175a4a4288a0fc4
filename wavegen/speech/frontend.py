"""Texts to phonemes, and phonemes to the symbols of a voice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from wavegen.speech.phones import MARKS, PAUSE
from wavegen.text import (
    EMPTY,
    LANGUAGE,
    STRESS,
    Lexicon,
    is_direction,
    normalise,
    phonemes,
    raw_phonemes,
    split_scripts,
)


@dataclass(frozen=True)
class Unit:
    """A sentence, or a part of one that is spoken by itself."""

    words: tuple[str, ...]
    """Normalised, without punctuation."""
    phones: tuple[tuple[str, ...], ...]
    """Phonemes of each spoken word, and each mark as a word of its own after the words it follows;
    espeak-ng may join words, so the counts can differ. A mark is never first, never follows
    another, and is always last."""


def read_clip(
    text: str,
    language: str = LANGUAGE,
    lexicon: Lexicon = EMPTY,
    left_out: set[str] | None = None,
) -> Unit | None:
    """The transcript of one clip as one unit; None if nothing in it can be spoken.

    Args:
        text: the transcript.
        language: as an espeak-ng code.
        lexicon: how to say some of its words.
        left_out: what can't be said is added to it: emoji, tags, words in scripts that espeak-ng
            does not read in this language.

    Raises:
        TextError: espeak-ng is not installed, or does not know the language.
    """
    left_out = set() if left_out is None else left_out
    sentences = normalise(text, (), language, lexicon, left_out)
    words: list[str] = []
    phones: list[tuple[str, ...]] = []
    tokens = [t for sentence in sentences for t in sentence if not is_direction(t)]
    add_tokens(words, phones, tokens, language, left_out)
    return Unit(tuple(words), tuple(phones)) if phones else None


def tell_left_out(left_out: Collection[str], language: str) -> str:
    """One line on what `read_clip` or `read_phrases` has left out."""
    some = ", ".join(" ".join(x.split())[:40] for x in sorted(left_out)[:8])
    return f"left out, as nothing to say in '{language}': {some}{' …' * (len(left_out) > 8)}"


def add_tokens(
    words: list[str],
    phones: list[tuple[str, ...]],
    tokens: Sequence[str],
    language: str,
    left_out: set[str],
) -> None:
    """Append the words of `normalise` to those of a unit, and what is spoken to its phonemes."""
    for category, group in groupby(tokens, _category):
        if category == "mark":
            marks = tuple(group)
            if phones and phones[-1][0] not in MARKS:
                phones.append(marks)
        elif category == "raw":
            for token in group:
                phones.append(tuple(raw_phonemes(token[2:-2])))  # never empty
                words.append("".join(token[2:-2].split()))
        else:
            written = []
            for word in group:
                read, rest = split_scripts(word, language)
                left_out.update(rest)
                written += [read] if not rest or any(c.isalnum() for c in read) else []
            phones += [tuple(w) for w in phonemes(written, language)] if written else []
            words += [w.lower() for w in written]


def _category(token: str) -> str:
    """Whether a token is a word, a mark, or raw phonemes."""
    if token[:2] == "[[":
        return "raw"
    return "mark" if token in MARKS else "word"


def symbol_table(units: Iterable[Unit], known: Iterable[str] = ()) -> tuple[str, ...]:
    """The pause, the marks that occur, and all phonemes that occur, sorted; with the symbols of a
    voice that are known already."""
    found = {p for u in units for w in u.phones for p in w} | set(known)
    return (PAUSE, *(m for m in MARKS if m in found), *sorted(found - {PAUSE, *MARKS}))


def silent_symbols(symbols: Sequence[str]) -> int:
    """Number of silent symbols, the pause and marks, which come first."""
    return sum(s == PAUSE or s in MARKS for s in symbols)


def symbol_ids(unit: Unit, symbols: Sequence[str]) -> list[list[int]]:
    """Symbol indices of each word; a phoneme the voice lacks becomes its nearest kin: another
    stress, else one that begins alike, else it is left out. A mark it lacks becomes a full stop,
    if it has that: what ends in training with one sounds cut off without.

    Empty when the voice knows none of the phonemes.
    """
    return [ids for _, ids in numbered_ids(unit, symbols)]


def numbered_ids(unit: Unit, symbols: Sequence[str]) -> list[tuple[int, list[int]]]:
    """`symbol_ids`, each with the number of the word among the unit's spoken ones."""
    find = _finder(symbols)
    words: list[tuple[int, list[int]]] = []
    marked = True  # a mark never stands first, nor after another
    for number, word in enumerate(unit.phones):
        ids = [i for p in word if (i := find(p)) is not None]
        mark = word[0] in MARKS
        if ids and not (mark and marked):
            words.append((number, ids))
            marked = mark
    return words


def nearest_symbols(symbols: Sequence[str], known: Sequence[str]) -> list[int | None]:
    """For each symbol its index among the known ones, or that of its nearest kin, as in
    `symbol_ids`; None where it has none."""
    find = _finder(known)
    return [find(s) for s in symbols]


def _finder(symbols: Sequence[str]) -> Callable[[str], int | None]:
    """The index of a symbol or of its nearest kin; see `symbol_ids`."""
    table = {s: i for i, s in enumerate(symbols)}
    kin = {s: i for s, i in table.items() if s not in MARKS and s != PAUSE}
    bare = {s.lstrip(STRESS): i for s, i in kin.items()}
    head = {s[:1]: i for s, i in bare.items()}

    def find(symbol: str) -> int | None:
        if symbol in MARKS:
            return table.get(symbol, table.get("."))
        plain = symbol.lstrip(STRESS)
        return table.get(symbol, bare.get(plain, head.get(plain[:1])))

    return find
