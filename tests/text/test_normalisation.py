"""Any English text to words and marks, and what a voice is given to speak."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wavegen.errors import TextError
from wavegen.speech.frontend import read_clip
from wavegen.text import normalisation, normalise, phonemes
from wavegen.text.language import Language

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def said(text: str, vocabulary: list[str] | None = None, language: str = "en-us") -> str:
    """Sentences joined; a final full stop is left out, as most texts have one."""
    out = [" ".join(tokens) for tokens in normalise(text, vocabulary or [], language)]
    return " / ".join(s.removesuffix(" .") for s in out)


def table() -> list[Any]:
    """The rows of readings.txt, each named for its kind."""
    rows, kind = [], ""
    for line in (Path(__file__).parent / "readings.txt").read_text("utf-8").splitlines():
        if line.startswith("## "):
            kind = line.removeprefix("## ")
        elif line and not line.startswith("# "):
            text, _, words = f"{line} ".partition(" => ")
            rows.append(pytest.param(text, words.strip(), id=f"{kind}: {text}"))
    return rows


@pytest.mark.parametrize(("text", "words"), table())
def test_texts_are_read_as_people_expect(text: str, words: str) -> None:
    assert said(text) == words


def test_the_table_of_readings_is_whole() -> None:
    texts = [row.values[0] for row in table()]
    assert len(texts) == len({*texts}) >= 400


def test_lines_are_sentences_and_texts_may_be_empty() -> None:
    assert said("a\nb") == "a / b"
    assert said("") == said("\n") == ""


def test_numbers_are_read_by_digits_to_a_voice_that_knows_no_others() -> None:
    assert said("427", DIGITS) == said("4 2 7", DIGITS) == "four two seven"
    assert said("1999", DIGITS) == "one nine nine nine"
    assert said("427", [*DIGITS, "hundred", "and", "twenty"]).split()[1] == "hundred"
    assert said("427", [*DIGITS, *map(str, range(200))]).split()[1] == "hundred"


def test_other_languages_have_their_numbers_and_none_of_the_english_rules() -> None:
    assert said("427 Dr 3,5 %", language="de") == (
        "vierhundertsiebenundzwanzig dr drei komma fünf %"
    )
    assert said("5 kg", language="xx") == "5 kg"
    with pytest.raises(TextError, match="'xx'"):
        read_clip("hello", "xx")
    unit = read_clip("fünf %", "de")
    assert unit is not None
    assert len(unit.phones) == 3
    assert phonemes(["bonjour"], "fr-fr") == phonemes(["bonjour"], "fr")


def test_the_day_comes_first_in_british_dates_and_the_month_in_american_ones() -> None:
    assert said("3/4/2024", language="en-gb") == "april third , twenty twenty four"
    assert said("3-4-2024", language="en-us") == "march fourth , twenty twenty four"


def test_a_language_is_found_by_its_code_in_any_region(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(text: str, known: frozenset[str], language: str) -> str:
        return text.replace("5", f"pyat in {language}, {sorted(known)}")

    endings = replace(normalisation.PLAIN.endings, titles=frozenset(["ul"]))
    monkeypatch.setitem(normalisation.LANGUAGES, "ru", Language(read, endings))
    assert said("ul. 5. Ul. Mr. X", ["a"], "RU-LV") == "ul . pyat in RU LV , a / Ul . Mr / X"
    assert said("5", language="en-gb") == said("5", language="en") == "five"
