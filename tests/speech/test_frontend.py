"""From texts to the units that a voice speaks."""

import itertools
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from odd_texts import ODD

from wavegen.speech.frontend import Unit, read_clip, symbol_ids, symbol_table
from wavegen.speech.phones import MARKS
from wavegen.speech.phrases import read_phrases
from wavegen.text import normalise
from wavegen.text.english.calendar import MONTHS
from wavegen.text.english.numbers import cardinal, digits, ordinal, year

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def read_text(*args: Any, **options: Any) -> Iterator[Unit]:
    return (phrase.unit for phrase in read_phrases(*args, **options) if phrase.unit)


def test_texts_are_cut_to_the_longest_clip_of_training() -> None:
    units = read_text("one two three, four. five", 2, DIGITS)
    assert [u.words for u in units] == [("one", "two"), ("three", "four"), ("five",)]


def test_a_phoneme_the_voice_lacks_becomes_its_nearest_kin() -> None:
    unit = read_clip("seven")
    assert unit is not None
    symbols = ("_", "s", "ɛ", "v", "n")  # unstressed ɛ, and no ə
    assert symbol_ids(unit, symbols) == [[1, 2, 3, 4]]
    assert symbol_table([unit])[0] == "_"


def test_marks_are_words_of_their_own_behind_those_they_follow() -> None:
    unit = read_clip(", hello,; world?! again")
    assert unit is not None
    assert unit.words == ("hello", "world", "again")
    assert [w if w[0] in MARKS else len(w) for w in unit.phones] == [
        *[4, (",",), 4, ("?",)],
        *[len(unit.phones[4]), (".",)],
    ]


def test_symbols_are_the_pause_then_marks_then_phonemes() -> None:
    unit = read_clip("so? no")
    assert unit is not None
    assert symbol_table([unit])[:3] == ("_", ".", "?")
    ids = symbol_ids(unit, symbol_table([unit]))
    assert [2] in ids
    assert symbol_ids(unit, ("_", "s", "n", "ˈoʊ")) == [[1, 3], [2, 3]]
    assert symbol_ids(unit, ("_", ".", "?")) == []
    comma = Unit(("no",), (("n", "oʊ"), (",",)))
    assert symbol_ids(comma, ("_", ".", "n", "oʊ")) == [[2, 3], [1]]
    assert symbol_ids(Unit(("x",), (("s",), ("?",))), ("_", ".", "!", "ʔ")) == []


def test_long_sentences_are_cut_at_marks_and_leave_no_crumbs() -> None:
    text = "a b c d e f, g h i j k l m"
    assert [len(u.words) for u in read_text(text, 10, ())] == [6, 7]
    assert [len(u.words) for u in read_text("so " * 11, 10, ())] == [6, 5]
    assert [len(u.words) for u in read_text("so, " + "so " * 10, 10, ())] == [6, 5]
    first, last = read_text("so " * 11, 10, ())
    assert (first.phones[-1], last.phones[-1]) == ((",",), (".",))
    assert [len(u.words) for u in read_text("one two three", 1, DIGITS)] == [1, 1, 1]


def test_the_first_sentence_waits_for_no_other() -> None:
    text = "The quick brown fox jumps over the lazy dog, he said. " * 1000
    start = time.process_time()
    first = next(read_text(text, 40, ()))
    assert len(first.words) == 11
    assert time.process_time() - start < 0.5


def test_odd_inputs_neither_raise_nor_hang_nor_grow() -> None:
    assert len(ODD) >= 200
    for text in ODD:
        start = time.process_time()
        for language in ("en-us", "de"):
            check(list(itertools.islice(read_text(text, 20, (), language), 50)), text)
        unit = read_clip(text[:1000])
        check([unit] if unit else [], text)
        assert time.process_time() - start < 3, text[:50]


def check(units: list[Unit], text: str) -> None:
    for unit in units:
        marks = [w[0] in MARKS for w in unit.phones]
        assert not marks[0], text[:50]
        assert marks[-1], text[:50]
        assert not any(a and b for a, b in itertools.pairwise(marks)), text[:50]
        assert not any(p in MARKS for w in unit.phones if len(w) > 1 for p in w), text[:50]
        assert all(w and w not in MARKS for w in unit.words), text[:50]
    assert sum(len(u.words) for u in units) <= 30 * len(text) + 30, text[:50]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*"09aA .,-/:$%'[]<>@#&^½é\n", "[[", "]]", "10", "St.", "\ud800"])))
def test_any_mixture_of_signs_is_read(parts: list[str]) -> None:
    text = "".join(parts)
    check(list(read_text(text, 5, ())), text)
    check(list(read_text(text, 1, DIGITS)), text)


SIGNS = [
    *" .,:;-–/'\"$€%°#@&+^×=<>()[]_\n\0\x1b½²π",
    "km",
    "h",
    "m",
    "s",
    "st",
    "e",
    "am",
    "USD",
    "No. ",
]
ANY = st.text(st.characters(), max_size=20)
"""Of all planes, with control characters and lone surrogates."""
PIECES = st.one_of(ANY, st.sampled_from(SIGNS), st.integers(0, 10**12).map(str))


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_text_is_read_with_all_its_numbers_or_a_warning(text: str) -> None:
    left_out: set[str] = set()
    units = list(read_text(text, 5, (), left_out=left_out))
    check(units, text)
    words = {w for u in units for w in u.words}
    groups = re.findall(r"[0-9]+", text)
    assert left_out or all(mentioned(g, words) for g in groups), (text, words)


def mentioned(group: str, words: Iterable[str]) -> bool:
    """Whether some of the words can be those of a group of digits."""
    value = int(group)
    names = [cardinal(group), digits(group), ordinal(group)]
    if len(group) in (3, 4):
        names.append(year(group))
    if 1 <= value <= 12:
        names.append(MONTHS[value - 1].lower())
    names += {2: ["half", "squared", "square"], 3: ["cubed", "cubic"], 4: ["quarter"]}.get(
        value, []
    )
    begin = tuple(w[:4] for name in names for w in name.split())
    half = value == 1 and "a" in words  # "two and a half"
    return not value or half or any(w.startswith(begin) for w in words)


@settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.generate))
@example(",100")
@example("1,")
@given(
    st.text(st.characters(), min_size=1, max_size=4)
    | st.lists(PIECES, min_size=1, max_size=3).map("".join)
)
def test_ten_kilobytes_of_anything_take_time_linear_in_their_length(piece: str) -> None:
    taken = []
    for length in (2500, 10000):
        text = (piece * length)[:length]
        start = time.process_time()
        for _ in normalise(text):
            pass
        taken.append(time.process_time() - start)
    assert taken[1] < 8 * taken[0] + 0.3, piece
