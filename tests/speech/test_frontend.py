"""From texts to the units that a voice speaks."""

import itertools
import time

from hypothesis import given, settings
from hypothesis import strategies as st
from odd_texts import ODD

from wavegen.speech.frontend import Unit, read_clip, read_text, symbol_ids, symbol_table
from wavegen.speech.phones import MARKS

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


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


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_any_text_is_read(text: str) -> None:
    check(list(read_text(text, 5, ())), text)
