"""Any English text to words and marks, and what a voice is given to speak."""

# ruff: noqa: E501, a table is read by its rows

from dataclasses import replace

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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("four two seven", "four two seven"),
        ("Hello, world!", "hello , world !"),
        ("don't-stop", "don't stop"),
        ("It’s “well-known” – ‘yes’ -- no - (so)", "it's well known , yes , no , so"),
        ("Wait... what?! Yes: no; so", "wait / what ? / yes , no , so"),
        ("a\nb", "a / b"),
        # numbers
        ("It cost 1,250.", "it cost one thousand two hundred and fifty"),
        ("3.14 and .5 and -5 and −2", "three point one four and point five and minus five and minus two"),
        ("007", "zero zero seven"),
        ("1st, the 21st and 102nd", "first , the twenty first and one hundred and second"),
        ("version 1.2.3", "version one point two point three"),
        ("12345678901", "one two three four five six seven eight nine zero one"),
        ("two 747s", "two seven hundred and forty sevens"),
        ("1/2, 3/4, ½, 3½, 2/3", "one half , three quarters , one half , three and a half , two thirds"),
        ("1/0 and 10/10", "one over zero and ten out of ten"),
        ("10-20, 1914–18, 10 - 20, 20 - 10", "ten to twenty , nineteen fourteen to eighteen , ten to twenty , twenty minus ten"),
        ("call 555-1234", "call five five five , one two three four"),
        # years
        ("in 1999 and 2005", "in nineteen ninety nine and two thousand five"),
        ("1905, 1900, 2010, 2000", "nineteen oh five , nineteen hundred , twenty ten , two thousand"),
        ("1990s, '90s, 1900s", "nineteen nineties , nineties , nineteen hundreds"),
        ("1,999 or 1999 people", "one thousand nine hundred and ninety nine or one thousand nine hundred and ninety nine people"),
        # money
        ("$42 and $1", "forty two dollars and one dollar"),
        ("$3.50, £2.01, €10, ¥500, $0.99", "three dollars fifty cents , two pounds one penny , ten euros , five hundred yen , ninety nine cents"),
        ("$1.2 million, $5bn, $5-10", "one point two million dollars , five billion dollars , five to ten dollars"),
        ("-$5 and 5€", "minus five dollars and five euros"),
        # dates and times
        ("on 3rd March", "on the third of march"),
        ("the 4th of July 1776", "the fourth of july , seventeen seventy six"),
        ("March 3, 2024", "march third , twenty twenty four"),
        ("2024-03-03", "march third , twenty twenty four"),
        ("3/4/2024 and 25/12/99", "march fourth , twenty twenty four and december twenty fifth , nineteen ninety nine"),
        ("10:30, 5 pm, 17:05, 9:00, 9:00 a.m. and 17:00", "ten thirty , five p m , seventeen oh five , nine o'clock , nine A m and seventeen hundred"),
        # units
        ("5 km, 10kg, 20°C, 60mph, 3.5GHz", "five kilometers , ten kilograms , twenty degrees celsius , sixty miles per hour , three point five gigahertz"),
        ("1 lb, a 5-km run, 50%, 100 m², 2000 km", "one pound , a five kilometer run , fifty percent , one hundred square meters , two thousand kilometers"),
        # abbreviations
        ("Mr. Smith, Mrs Who and Dr. No vs. etc.", "mister smith , missus who and doctor no versus et cetera"),
        ("Dr. Jones of St. Paul lives on Main St. now", "doctor jones of saint paul lives on main street now"),
        ("e.g. this, i.e. that", "for example this , that is that"),
        ("No. 5 on Jan. 3 and Feb 4. No. Yes", "number five on january third and february fourth / no / yes"),
        ("the FBI, BBC and NASA", "the f b i , b b c and nasa"),
        ("The CIA's CDs. J. R. R. Tolkien in the U.S. Army", "the c i a's c d's / j r r tolkien in the u s army"),
        ("I am NOT happy", "i am not happy"),
        ("HELLO WORLD THE END", "hello world the end"),
        ("Henry VIII, Chapter IV, World War II", "henry the eighth , chapter four , world war two"),
        ("9am-5pm, Mon. to Fri., tel. 5", "nine A m to five p m , monday to friday , telephone five"),
        ("Prof. Lee (b. 1960) PhD, AB-12, Apollo 11's", "professor lee born nineteen sixty p h d , A b twelve , apollo eleven's"),
        # addresses and signs
        ("see https://example.com/a?b=1.", "see example dot com slash a question mark b equals one"),
        ("bob.smith@example.co.uk", "bob dot smith at example dot co dot u k"),
        ("rock & roll + 3 = 4 @ home", "rock and roll plus three equals four at home"),
        ("AT&T and R&B", "A t and t and r and b"),
        ("#5 #wavenet 2*3 and/or ~5 §3 ©", "number five hashtag wavenet two times three and or about five section three copyright"),
        ("<speak>Hi <break time='1s'/>you</speak> &amp; me", "hi you and me"),
        # nothing to say
        ("🎉🎉", ""),
        ("…!?", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_texts_are_read_as_people_expect(text: str, words: str) -> None:
    assert said(text) == words


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


def test_a_language_is_found_by_its_code_in_any_region(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(text: str, known: frozenset[str], language: str) -> str:
        return text.replace("5", f"pyat in {language}, {sorted(known)}")

    endings = replace(normalisation.PLAIN.endings, titles=frozenset(["ul"]))
    monkeypatch.setitem(normalisation.LANGUAGES, "ru", Language(read, endings))
    assert said("ul. 5. Ul. Mr. X", ["a"], "RU-LV") == "ul . pyat in RU LV , a / Ul . Mr / X"
    assert said("5", language="en-gb") == said("5", language="en") == "five"
