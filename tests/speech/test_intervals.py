"""Times of words and phonemes from an alignment."""

from wavegen.speech.alignment import Alignment
from wavegen.speech.frontend import Unit
from wavegen.speech.intervals import Interval, intervals

SYMBOLS = ("_", ",", ".", "ə", "t", "uː", "v", "ð")


def test_words_and_phonemes_tile_a_unit_with_its_silences() -> None:
    unit = Unit(("two", "of", "the"), (("t", "uː"), (",",), ("ə", "v", "ð", "ə"), (".",)))
    words = ((0,), (4, 5), (1,), (3, 6, 7, 3), (2,))
    alignment = Alignment(words, (1, 2, 3, 1, 1, 1, 1, 1, 0))
    ends = [1.0, 3.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 11.0]
    told, phones = intervals(unit, alignment, ends, SYMBOLS, 3)
    assert told == (
        Interval("", 0.0, 1.0),
        Interval("two", 1.0, 6.0),
        Interval("", 6.0, 7.0),
        Interval("of the", 7.0, 11.0),
    )
    assert [p.label for p in phones] == ["", "t", "uː", ",", "ə", "v", "ð", "ə"]


def test_what_has_no_letters_is_labelled_as_it_is_said() -> None:
    alignment = Alignment(((4, 5), (2,)), (1, 1, 0))
    told, _ = intervals(Unit(("&",), (("t", "uː"), (".",))), alignment, [1, 2, 2], SYMBOLS, 3)
    assert told == (Interval("&", 0.0, 2),)
