"""Split a text into the units that a voice speaks one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from wavegen.speech.phones import MARKS, PAUSE
from wavegen.text import (
    EMPTY,
    LANGUAGE,
    STRESS,
    Lexicon,
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
    return _unit([t for tokens in sentences for t in tokens], language, left_out)


def read_text(
    text: str,
    longest: int,
    vocabulary: Collection[str],
    language: str = LANGUAGE,
    lexicon: Lexicon = EMPTY,
    left_out: set[str] | None = None,
) -> Iterator[Unit]:
    """A text to speak as units, one by one: sentences, cut to at most ``longest`` words.

    A voice trained on single words then speaks single words, with the pauses of its training
    between them, and one trained on sentences speaks sentences. A sentence that is too long is cut
    in parts of like length, at its marks where they allow; a part that does not end at the
    sentence's end ends with a comma. ``lexicon`` and ``left_out`` are those of `read_clip`.

    Raises:
        TextError: espeak-ng is not installed, or does not know the language.
    """
    left_out = set() if left_out is None else left_out
    for tokens in normalise(text, vocabulary, language, lexicon, left_out):
        for part in _parts(tokens, max(1, longest)):
            if unit := _unit(part, language, left_out):
                yield unit


def tell_left_out(left_out: Collection[str], language: str) -> str:
    """One line on what `read_clip` or `read_text` has left out."""
    some = ", ".join(" ".join(x.split())[:40] for x in sorted(left_out)[:8])
    return f"left out, as nothing to say in '{language}': {some}{' …' * (len(left_out) > 8)}"


def _parts(tokens: Sequence[str], longest: int) -> Iterator[Sequence[str]]:
    """Cut the tokens of a sentence to at most ``longest`` words each."""
    at = [i for i, t in enumerate(tokens) if t not in MARKS]  # of each word
    begin = 0
    while (left := len(at) - begin) > longest:
        size = left / math.ceil(left / longest)
        near = range(max(1, round(size / 2)), min(longest, left - round(size / 2)) + 1)
        marked = [n for n in near if at[begin + n] - at[begin + n - 1] > 1]
        count = min(marked, key=lambda n: abs(n - size)) if marked else math.ceil(size)
        part = list(tokens[at[begin] : at[begin + count]])
        yield part if part[-1] in MARKS else [*part, ","]
        begin += count
    yield tokens[at[begin] :]


def _unit(tokens: Sequence[str], language: str, left_out: set[str]) -> Unit | None:
    words: list[str] = []
    phones: list[tuple[str, ...]] = []
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
    return Unit(tuple(words), tuple(phones)) if phones else None


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
    find = _finder(symbols)
    words: list[list[int]] = []
    marked = True  # a mark never stands first, nor after another
    for word in unit.phones:
        ids = [i for p in word if (i := find(p)) is not None]
        mark = word[0] in MARKS
        if ids and not (mark and marked):
            words.append(ids)
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
