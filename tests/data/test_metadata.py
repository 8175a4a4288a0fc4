"""Tables of metadata in the forms that people have them."""

from pathlib import Path

import pytest

from wavegen.data.metadata import Row, read_table
from wavegen.errors import DataError

PLAIN = [Row("a", "hi"), Row("b", "yes")]

TABLES = [
    # Rows without a header.
    ("ljspeech", "a|Hi!|hi\nb|Yes.|yes\n", PLAIN),
    ("ljspeech, the normalised text missing", "a|Hi!|hi\nb|yes|\n\n", PLAIN),
    ("two columns", "\ufeffa|hi\r\nb|yes\r\n", PLAIN),
    ("quotes are the text's own", 'a|"hi\nb|"yes"\n', [Row("a", '"hi'), Row("b", '"yes"')]),
    ("piper, coqui: id, speaker, text", "a|x|hi\nb|y|yes\nc|x|hi\nd|y|no\n", [
        *(Row("a", "hi", "x"), Row("b", "yes", "y"), Row("c", "hi", "x"), Row("d", "no", "y")),
    ]),
    ("one speaker among them", "a|x|hi\nb|x|yes\n", [Row("a", "hi", "x"), Row("b", "yes", "x")]),
    ("vits: speakers by number", "a|0|hi\nb|1|yes\nc|0|no\nd|1|so\n", [
        *(Row("a", "hi", "0"), Row("b", "yes", "1"), Row("c", "no", "0"), Row("d", "so", "1")),
    ]),
    ("tacotron: path, text, speaker", "a|hi|x\nb|yes|x\nc|no|y\nd|so|y\n", [
        *(Row("a", "hi", "x"), Row("b", "yes", "x"), Row("c", "no", "y"), Row("d", "so", "y")),
    ]),
    ("id, speaker, text, normalised text", "a|x|Hi!|hi\nb|x|Yes.|yes\n", [
        *(Row("a", "hi", "x"), Row("b", "yes", "x")),
    ]),
    ("digits are texts, though few", "a|1|one\nb|2|two\nc|1|one\nd|2|two\n", [
        *(Row("a", "one"), Row("b", "two"), Row("c", "one"), Row("d", "two")),
    ]),
    ("texts without spaces", "a|你好|ni3 hao3\nb|再见|zai4 jian4\n", [
        *(Row("a", "ni3 hao3"), Row("b", "zai4 jian4")),
    ]),
    ("tabs", "a\thi\nb\tyes\n", PLAIN),
    # With a header.
    ("csv", 'file,text\na,"hi"\nb,yes\n', PLAIN),
    ("csv with quoted commas and lines", 'text,path\n"hi, all\nof you",a\n', [
        Row("a", "hi, all\nof you"),
    ]),
    ("csv of a spreadsheet in Europe", "Path;Sentence;Speaker\na;hi;x\nb;yes;y\n", [
        *(Row("a", "hi", "x"), Row("b", "yes", "y")),
    ]),
    ("common voice", 'client_id\tpath\tsentence\tage\nx\ta\t"hi\t\ny\tb\t"""yes"" sir"\t\n', [
        *(Row("a", '"hi', "x"), Row("b", '"yes" sir', "y")),
    ]),
    ("coqui", "audio_file|text|speaker_name\na|hi|x\nb|yes|y\n", [
        *(Row("a", "hi", "x"), Row("b", "yes", "y")),
    ]),
    ("speakers without texts", "filename,speaker_id\na,x\n", [Row("a", "", "x")]),
    ("a short row", "path,text,speaker\na,hi\n", [Row("a", "hi")]),
    # JSON.
    ("nemo", '{"audio_filepath": "a", "duration": 1.5, "text": "hi", "speaker": 7}\n', [
        Row("a", "hi", "7"),
    ]),
    ("hugging face", '{"file_name": "a", "transcription": "hi"}\n\n', [Row("a", "hi")]),
    ("a list", '[{"audio": {"path": "a"}, "Text": "hi"},\n {"audio": "b", "text": "yes"}]', PLAIN),
]  # fmt: skip


@pytest.mark.parametrize(("table", "rows"), [t[1:] for t in TABLES], ids=[t[0] for t in TABLES])
def test_files_texts_and_speakers_are_found_in_every_form(
    tmp_path: Path, table: str, rows: list[Row]
) -> None:
    (tmp_path / "table").write_text(table, newline="")
    assert read_table(tmp_path / "table") == rows


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("", "has no rows id|text"),
        ("Dear diary,\ntoday I was renamed.\n", "has no rows id|text"),
        ("name,age\nann,7\n", "has no rows id|text"),
        ("a.wav\nb.wav\n", "has no rows id|text"),
        ('{"audio_filepath": "a"', "is no table of rows id|text: "),
        ('["a", "b"]', "is no table of rows id|text: its items are no objects"),
        ("a|" + "x" * 200_000, "is no table of rows id|text: "),
    ],
)
def test_what_is_no_table_is_one_clear_line(tmp_path: Path, table: str, why: str) -> None:
    (tmp_path / "metadata.csv").write_text(table)
    with pytest.raises(DataError) as e:
        read_table(tmp_path / "metadata.csv")
    assert str(e.value).startswith(f"{tmp_path / 'metadata.csv'} {why}")
