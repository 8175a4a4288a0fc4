"""Any English text to words and marks, and what a voice is given to speak."""

# ruff: noqa: E501, a table is read by its rows

import contextlib
import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.errors import TextError
from wavegen.speech.frontend import Unit, read_clip, read_text, symbol_ids, symbol_table
from wavegen.speech.phones import MARKS
from wavegen.synth import plan
from wavegen.text import normalise, phonemes, raw_phonemes
from wavegen.text.english.sentences import sentences
from wavegen.voice import Voice

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


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three? Four… Five", 5),
        ("Mr. J. Smith paid $3.50 at www.a.com at 5 p.m. in the U.S. for No. 5 etc. and left.", 1),
        ('"Really?" she asked. "Yes!"', 2),
        ("At 7 p.m. Monday, or 5 p.m. He left. I have 5. Then 6", 4),
        (
            "A title\n\nA paragraph of words that is long enough to be wrapped\nin its middle. End",
            3,
        ),
        ("[[a. b! c]] d", 1),
    ],
)
def test_sentences_end_where_they_end(text: str, count: int) -> None:
    assert len(list(sentences(text))) == count


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


@pytest.mark.parametrize(
    ("raw", "phones"),
    [
        ("[[həlˈoʊ wˈɜːld]]", [["h", "ə", "l", "ˈoʊ"], ["w", "ˈɜː", "l", "d"], ["."]]),
        ("[[h ə l ˈoʊ]]", [["h", "ə", "l", "ˈoʊ"], ["."]]),
        ("[[həˈloʊ?]]", [["h", "ə", "l", "ˈoʊ"], ["?"]]),
        ("[[tʃˈaɪ, g'o:]]", [["tʃ", "ˈaɪ"], [","], ["ɡ", "ˈoː"], ["."]]),
    ],
)
def test_phonemes_pass_raw(raw: str, phones: list[list[str]]) -> None:
    unit = read_clip(raw)
    assert unit is not None
    assert [list(w) for w in unit.phones] == phones


def test_raw_phonemes_stand_among_words() -> None:
    unit = read_clip("Say [[t ə m ˈeɪ]] now")
    assert unit is not None
    assert unit.words == ("say", "təmˈeɪ", "now")
    assert raw_phonemes("_") == raw_phonemes("ˈ") == []


ODD = [
    *["", " ", "\n", ".", "...", "?!", ",,,", "-", "--", "'", '"', "''", "$", "$$", "€", "%", "#", "@"],
    *["&", "&&", "&amp;", "&#0;", "&#xD800;", "&#9999999;", "&bogus;", "<", ">", "<>", "</", "<speak>"],
    *["[[", "]]", "[[]]", "[[[[", "[[[a]]]", "[[ [[a]] ]]", "[[a", "a]]", "[[.]]", "[[ˈ]]", "[[🎉]]"],
    *["[[a]][[b]]", "[[\x00]]", "[[\ud800]]", "[[5]]", "]][[", "1/0", "0/0", "1/1", "99/99/9999"],
    *["13/13/2024", "0/0/00", "2024-13-45", "25:61", "24:00", "0:00", "10:30:99", "1:2:3:4", "1.2.3.4"],
    *["99999999999999999999.99", "$99999999999999999999.99", "1e10", "1,2,3", "1,000,00", ",5", "5,"],
    *["0.0", ".0", "-0", "--5", "+5", "5-", "$-5", "$1.", "$.5", "$1,0", "$0", "$0.00", "£1.1", "¥1.50"],
    *["0th", "0s", "00s", "1000000000000th", "9" * 400 + "th", "9" * 400, "0." + "3" * 400, "-" + "1" * 31],
    *["$" + "9" * 400, "9" * 400 + " km", "9" * 30 + "/" + "9" * 30, "5" * 400 + "%", "1," * 400],
    *["1,000" * 400, "1/" * 400, "1-" * 400, "1:" * 400, "1." * 400, "½" * 400, "٤٢٧", "४२७", "４２７", "①"],
    *["²", "x²", "5²", "№5", "™", "℃", "20℃", "ﷺ", "ﬁ", "Ⅷ", "½", "5½", "∞", "√2", "π", "µ", "°", "20°"],
    *["привет мир", "γειά σου", "你好。再见", "こんにちは", "안녕", "שלום", "مرحبا ٥", "नमस्ते", "ไทย", "ɣ", "Ω"],
    *["🎉", "👨‍👩‍👧‍👦", "🇩🇪", "❤️", "©®", "\x00", "a\x00b", "\x1b[31m", "\x7f", "\x85", "\ud800", "a\udfffb"],
    *["\u202eabc\u202c", "\u200b", "a\u200db", "\ufeffhello", "\u00ad", "a\u00adb", "\ufffd", "\U0010ffff"],
    *["h\u0301\u0302\u0303" * 50, "e" + "\u0301" * 5000, "\u0301", " \u0301a", "Z̷̢̛a̸l̵g̷o̶", "é", "e\u0301"],
    *["x" * 5000, "X" * 5000, "hello" * 1000, "a " * 5000, "A " * 2000, "A." * 2000, "a." * 2000, "I" * 5000],
    *["word " * 10000, "Word. " * 2000, "St. " * 2000, "Mr. " * 500, "\n" * 5000, "a\n" * 2000, " " * 9999],
    *["." * 9999, "(" * 9999, "'" * 9999, '"' * 9999, "-" * 9999, "!a" * 2000, "$" * 9999, "@" * 9999],
    *["a@" * 2000, "a@b." * 2000, "http://", "http://" + "a/" * 3000, "www.", "www." * 500, "a.b@c.d", "@a"],
    *["https://例え.jp/ü?x=%20", "mailto:a@b.com", "file:///etc/passwd", "C:\\Windows", "a_b_c", "#!/bin/sh"],
    *["{}", "{a}", "^", "2^10", "2^", "~", "~5", "`", "|", "\\", "/", "//", "*", "**bold**", "_it_", "# H1"],
    *["CHAPTER I", "Chapter IIII", "XIV", "IIX", "MMXXIV", "Henry", "Henry X.", "King I", "U.S.A.", "U.S"],
    *["a.m.", "p.m", "5 a.m.b", "e.g.", "i.e", "etc", "etc..", "No.", "No. ", "no. 5", "Dr.", "St", "Mr"],
    *["B2B", "MP3", "A4", "R2-D2", "C++", "C#", ".NET", "F#", "I/O", "w/o", "24/7", "9/11", "AT&T's", "'s"],
    *["n't", "o'", "'tis", "rock'n'roll", "y'all'd've", "<a" * 2000, "<!-- x -->", "<b>x</b>", "a<b>c", "5<6"],
    *["5 < 6", "a > b", "Ａ", "ǅ", "ß", "İ", "ı", "ŉ", "ﬀ", "K", "ˈ", "ː", "_", "__", "(en)", "a(en)b"],
]  # fmt: skip


def test_odd_inputs_neither_raise_nor_hang_nor_grow() -> None:
    assert len(ODD) >= 200
    for text in ODD:
        start = time.process_time()
        for language in ("en-us", "de"):
            check(list(itertools.islice(read_text(text, 20, (), language), 50)), text)
        unit = read_clip(text[:1000])
        check([unit] if unit else [], text)
        assert time.process_time() - start < 3, text[:50]


def test_odd_inputs_are_spoken_in_no_more_than_ten_times_the_time_expected(
    tiny_voice: Voice,
) -> None:
    usual = 0.09  # seconds of a phoneme
    for text in ODD:
        with contextlib.suppress(TextError):  # nothing to say, or too much
            for u in itertools.islice(plan(tiny_voice, text, max_seconds=60), 20):
                phonemes = sum(map(len, u.phonemes))
                assert u.samples / tiny_voice.sample_rate < 10 * usual * (phonemes + 2), text[:50]


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
