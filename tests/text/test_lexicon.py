"""A user's lexicon of names and brands."""

from pathlib import Path

import pytest

from wavegen.errors import TextError
from wavegen.speech.frontend import read_clip
from wavegen.text import load_lexicon, normalise
from wavegen.text.lexicon import Lexicon

NAMES = Lexicon(
    {
        "Nguyen": "win",
        "nginx": "engine x",
        "Polish": "poe lish",
        "New York": "[[nuː jˈɔːɹk]]",
        "New York Times": "the times",
        "C♯": "see sharp",
        "Zoë": "zoey",
        "Siobhan": "[[ʃɪvˈɔːn]]",
        "kr8": "crate",
    }
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Mr. Nguyen's car", "mister win's car"),
        ("nginx, NGINX and Nginx", "engine x , engine x and engine x"),
        ("Polish the Polish car, polish", "poe lish the poe lish car , polish"),
        ("the New  York Times", "the the times"),
        ("New\nYork", "[[nuː]] [[jˈɔːɹk]]"),
        ("a newyork", "a newyork"),
        ("Nguyens and Nguyen't", "nguyens and nguyen't"),
        ("Zoe\u0308 came", "zoey came"),
        ("[[Nguyen]]", "[[Nguyen]]"),
        ("Siobhan's", "[[ʃɪvˈɔːnz]]"),
        ("kr8 and 8", "crate and eight"),
        ("C♯ Nguyen.", "see sharp win"),
    ],
)
def test_words_of_a_lexicon_are_said_its_way(text: str, said: str) -> None:
    sentences = [" ".join(s).removesuffix(" .") for s in normalise(text, lexicon=NAMES)]
    assert sentences == [said]


def test_phonemes_of_a_lexicon_are_what_is_spoken() -> None:
    unit = read_clip("Siobhan", lexicon=NAMES)
    assert unit is not None
    assert unit.phones == (("ʃ", "ɪ", "v", "ˈɔː", "n"), (".",))


def test_a_lexicon_is_a_table_or_a_json_object(tmp_path: Path) -> None:
    table, obj = tmp_path / "a.tsv", tmp_path / "a.json"
    table.write_bytes("# names\n\nZoë\tzoey\r\nNew York\tn y\n".encode("cp1252"))
    obj.write_text('{"New York": "n y", "Zoë": "zoey"}', "utf-8")
    assert load_lexicon(table) == load_lexicon(str(obj))
    assert load_lexicon(table).digest == load_lexicon(obj).digest != ""
    assert load_lexicon(None).digest == load_lexicon("").digest == ""
    table.write_text("Zoe\tzo e\n")
    assert load_lexicon(table).entries == {"Zoe": "zo e"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tsv", "a\tb\nNguyen win\n", "line 2: no tab"),
        ("a.tsv", "Nguyen\t \n", "line 1: a word, and what to say for it, can't be empty"),
        ("a.tsv", "Nguyen\t[[ ]]\n", "holds no phonemes"),
        ("a.tsv", "a\tb\na\tc\n", "'a' is there twice"),
        ("a.json", "{", "not valid JSON"),
        ("a.json", "[]", "must be a JSON object"),
        ("a.json", '{"a": 5}', "what to say for 'a' must be a string"),
    ],
)
def test_what_is_wrong_with_a_lexicon_is_named(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(TextError, match=message):
        load_lexicon(file)
    with pytest.raises(TextError, match="can't read lexicon"):
        load_lexicon(tmp_path / "none.tsv")


def test_a_large_lexicon_is_applied_in_linear_time() -> None:
    many = Lexicon({f"name{i} of place{i}": "x" for i in range(20000)})
    assert many.apply("name7 of place7 " * 20000) == "x " * 20000
