"""A text as the phrases that a voice speaks one by one, each with how it is to be spoken."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from wavegen.speech.frontend import Unit, add_tokens
from wavegen.speech.phones import MARKS
from wavegen.text import EMPTY, LANGUAGE, Direction, Lexicon, direction, is_direction, normalise


@dataclass(frozen=True)
class Style:
    """How a word is spoken, compared with the request."""

    rate: float = 1.0
    pitch: float = 0.0
    """Semitones."""
    volume: float = 0.0
    """dB."""


PLAIN = Style()
Marks = tuple[tuple[str, int], ...]
"""Named places, each before one of a unit's spoken words, by its number."""


@dataclass(frozen=True)
class Phrase:
    """A unit of a text, with what the text's directions say of it."""

    unit: Unit | None
    """None at the end of a text that ends with a pause or a mark."""
    styles: tuple[Style, ...] = ()
    """Of each of the unit's spoken words and marks; empty where all are as in the request."""
    marks: Marks = ()
    before: float | None = None
    """Seconds of silence before it, where the text sets them."""
    speaker: str | None = None
    """Who speaks, where the text says so."""


def read_phrases(
    text: str,
    longest: int,
    vocabulary: Collection[str],
    language: str = LANGUAGE,
    lexicon: Lexicon = EMPTY,
    left_out: set[str] | None = None,
) -> Iterator[Phrase]:
    """A text to speak as phrases, one by one: sentences, cut to at most ``longest`` words.

    A voice trained on single words then speaks single words, with the pauses of its training
    between them, and one trained on sentences speaks sentences. A sentence that is too long is cut
    in parts of like length, at its marks where they allow; so it is where it has a pause or another
    speaker. A part that does not end at the sentence's end ends with a comma. ``lexicon`` and
    ``left_out`` are those of `read_clip`.

    Raises:
        TextError: espeak-ng is not installed, or does not know the language; or a direction's
            number is out of range.
    """
    left_out = set() if left_out is None else left_out
    state = _State(language, left_out)
    for tokens in normalise(text, vocabulary, language, lexicon, left_out):
        items = [direction(t) if is_direction(t) else t for t in tokens]
        for segment in _segments(items):
            yield from state.phrases(segment, max(1, longest))
    if state.before is not None or state.marks:
        yield Phrase(None, (), tuple((name, 0) for name in state.marks), state.before)


def _segments(items: Iterable[Direction | str]) -> Iterator[list[Direction | str]]:
    """Cut a sentence before each pause and each speaker."""
    segment: list[Direction | str] = []
    for item in items:
        if isinstance(item, Direction) and item.name in ("pause", "speaker"):
            yield segment
            segment = []
        segment.append(item)
    yield segment


@dataclass
class _State:
    """What the directions so far have set."""

    language: str
    left_out: set[str]
    style: Style = PLAIN
    speaker: str | None = None
    before: float | None = None
    marks: list[str] = field(default_factory=list)

    def phrases(self, segment: Sequence[Direction | str], longest: int) -> Iterator[Phrase]:
        tokens: list[str] = []
        directions: dict[int, list[Direction]] = {}  # before each token
        for item in segment:
            if isinstance(item, str):
                tokens.append(item)
            else:
                directions.setdefault(len(tokens), []).append(item)
        done = -1
        for part in _cut(tokens, longest):
            done = part.stop
            if phrase := self._phrase(tokens, part, directions):
                yield phrase
        for at in sorted(directions):
            if at >= done:
                self._follow(directions[at])

    def _phrase(
        self, tokens: Sequence[str], part: range, directions: dict[int, list[Direction]]
    ) -> Phrase | None:
        unit: tuple[list[str], list[tuple[str, ...]]] = [], []
        styles: list[Style] = []
        marks: list[tuple[str, int]] = []
        for run in _runs(part, directions):
            self._follow(directions.get(run.start, ()))
            marks += [(name, len(unit[1])) for name in self.marks]
            self.marks.clear()
            said = [tokens[n] for n in run]
            if run.stop == part.stop and said[-1] not in MARKS:
                said.append(",")
            add_tokens(*unit, said, self.language, self.left_out)
            styles += [self.style] * (len(unit[1]) - len(styles))
        if not unit[1]:
            self.marks += [name for name, _ in marks]
            return None
        if all(s == PLAIN for s in styles):
            styles.clear()
        made = Unit(tuple(unit[0]), tuple(unit[1]))
        phrase = Phrase(made, tuple(styles), tuple(marks), self.before, self.speaker)
        self.before = None
        return phrase

    def _follow(self, directions: Iterable[Direction]) -> None:
        for d in directions:
            if d.name == "pause":
                self.before = (self.before or 0.0) + float(d.value or 0.0)
            elif d.name == "speaker":
                self.speaker = None if d.value is None else str(d.value)
            elif d.name == "mark":
                self.marks.append(str(d.value))
            else:
                value = getattr(PLAIN, d.name) if d.value is None else float(d.value)
                self.style = replace(self.style, **{d.name: value})


def _runs(part: range, directions: Collection[int]) -> Iterator[range]:
    """Cut a part of a segment at its directions."""
    cuts = [part.start, *sorted(n for n in directions if n in part[1:]), part.stop]
    yield from (range(a, b) for a, b in pairwise(cuts))


def _cut(tokens: Sequence[str], longest: int) -> Iterator[range]:
    """Cut the tokens of a sentence to at most ``longest`` words each."""
    at = [i for i, t in enumerate(tokens) if t not in MARKS]  # of each word
    begin = 0
    while (left := len(at) - begin) > longest:
        size = left / math.ceil(left / longest)
        near = range(max(1, round(size / 2)), min(longest, left - round(size / 2)) + 1)
        marked = [n for n in near if at[begin + n] - at[begin + n - 1] > 1]
        count = min(marked, key=lambda n: abs(n - size)) if marked else math.ceil(size)
        yield range(at[begin], at[begin + count])
        begin += count
    if at:
        yield range(at[begin], len(tokens))
