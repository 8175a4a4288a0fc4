"""Directions in the text itself."""

import pytest

from wavegen.errors import TextError
from wavegen.speech.phrases import Phrase, Style, read_phrases
from wavegen.text import normalise, without_directions


def phrases(text: str, longest: int = 20) -> list[Phrase]:
    return [*read_phrases(text, longest, ())]


def words(found: list[Phrase]) -> list[str]:
    return [" ".join(p.unit.words) if p.unit else "" for p in found]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("One [pause 1.5s], two", "one , [pause 1.5s] two ."),
        ("[rate 0.8]One.", "[rate 0.8] one ."),
        ("One [mark a].", "one . [mark a]"),
        ("One, [/rate]", "one . [/rate]"),
        ("[pause 1s]", "[pause 1s]"),
        ("[rate it] [pitch]", "rate it , pitch ."),
        ("[[wˈʌn]] [pause 200 ms]", "[[wˈʌn]] . [pause 200 ms]"),
    ],
)
def test_directions_stay_between_the_words(text: str, tokens: str) -> None:
    [found] = normalise(text)
    assert " ".join(found) == tokens


def test_pauses_cut_a_sentence_and_add_up() -> None:
    found = phrases("[pause 1s] One [pause 1.5s] [pause 500ms] two. Three. [pause 2]")
    assert words(found) == ["one", "two", "three", ""]
    assert [p.before for p in found] == [1.0, 2.0, None, 2.0]
    assert [p.unit.phones[-1] for p in found if p.unit] == [(",",), (".",), (".",)]


def test_styles_hold_from_word_to_word_until_they_end() -> None:
    [first, second] = phrases("One [rate 0.5]two [pitch -2]three[/rate] four. Five [/pitch] six.")
    assert first.unit is not None
    assert first.unit.words == ("one", "two", "three", "four")
    slow, low = Style(rate=0.5), Style(pitch=-2)
    assert first.styles == (Style(), slow, Style(0.5, -2), low, low)
    assert second.styles == (low, Style(), Style())
    assert phrases("One [rate 1] two.")[0].styles == ()
    halves = phrases("One two [volume 6 dB] three four.", 2)
    assert [p.styles[:1] for p in halves] == [(), (Style(volume=6),)]


def test_speakers_and_marks_are_told_with_their_phrases() -> None:
    found = phrases("One. [speaker anne] Two [mark here] three. [/speaker] Four. [mark end]")
    assert words(found) == ["one", "two three", "four", ""]
    assert [p.speaker for p in found] == [None, "anne", None, None]
    assert [p.marks for p in found] == [(), (("here", 1),), (), (("end", 0),)]


@pytest.mark.parametrize("text", ["[pause 61s]", "[rate 0]", "[pitch +25]", "[pause -1]"])
def test_numbers_out_of_range_are_named(text: str) -> None:
    with pytest.raises(TextError, match=r"in the text: give .* to "):
        phrases(f"One {text} two")


def test_what_is_written_is_told_without_directions() -> None:
    assert without_directions("[rate 2]One [[tuː]]").split() == ["One", "tuː"]
