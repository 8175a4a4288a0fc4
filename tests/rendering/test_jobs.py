"""Job lists: every kind, and whatever may stand in them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.errors import WavegenError
from wavegen.rendering.jobs import (
    FIELDS,
    FailedJob,
    ListFormat,
    RenderJob,
    check_name,
    list_format,
    read_jobs,
)
from wavegen.request import Request

BASE = Request(speaker="theo", temperature=0.9)


def read(kind: ListFormat, text: str) -> list[RenderJob | FailedJob]:
    return [*read_jobs(text.splitlines(keepends=True), kind, BASE)]


def texts(jobs: list[RenderJob | FailedJob]) -> list[str | None]:
    return [job.request.text for job in jobs if isinstance(job, RenderJob)]


def test_all_formats_give_the_same_jobs() -> None:
    one = RenderJob(1, "a/b.flac", replace(BASE, text="one", speaker="2", seed=7))
    two = RenderJob(3, "000003.wav", replace(BASE, text="two, three", length_scale=1.5))
    rows = [
        {"text": "one", "output_file": "a/b.flac", "speaker": 2, "seed": 7},
        {"text": "two, three", "length_scale": 1.5, "seed": None},
    ]
    assert read("jsonl", f"{json.dumps(rows[0])}\n\n{json.dumps(rows[1])}\n") == [one, two]
    for d in ",;\t":
        text = f"text{d}output_file{d}speaker_id{d}length_scale{d}seed\n"
        text += f'one{d}a/b.flac{d}2{d}{d}7\n"two, three"{d}3.wav{d}{d}1.5{d}\n'
        first, second = read("csv", text)
        assert isinstance(first, RenderJob)
        assert isinstance(second, RenderJob)
        assert (first.fields(), second.request.text) == (one.fields(), "two, three")
        assert (first.line, second.line) == (2, 3)
    assert texts(read("text", " one \n\ntwo, three")) == ["one", "two, three"]


@pytest.mark.parametrize(
    ("row", "part"),
    [
        ("nonsense", "invalid JSON: Expecting value at column 1"),
        ("[" * 100_000, "invalid JSON: nested too deeply"),
        ("9" * 5000, "invalid JSON: Exceeds the limit"),
        ("3", "not a JSON object"),
        ('{"text": "a", "spaeker": "b"}', "unknown field 'spaeker'"),
        ('{"text": ""}', "the text is empty"),
        ('{"row": "nonsense", "output_file": "b.wav"}', "its row could not be read"),
        ('{"text": ["a"]}', "text must be a string"),
        ('{"text": "a", "seed": 1.5}', "seed must be a whole number"),
        ('{"text": "a", "seed": "x"}', "seed must be a whole number"),
        ('{"text": "a", "temperature": -1}', "temperature must be a number from 0"),
        ('{"text": "a", "temperature": NaN}', "temperature must be a number from 0, not nan"),
        ('{"text": "a", "seconds": 1e999}', "seconds must be a number"),
        ('{"text": "a", "length_scale": 99}', "length_scale must be a number from 0.1 to 10"),
        ('{"text": "a", "output_file": "x.txt"}', "must end with one of .wav"),
        ('{"text": "a", "output_file": "good.wav"}', "line 1 has the same output_file"),
    ],
)
def test_a_row_that_is_no_job_fails_alone(row: str, part: str) -> None:
    good = '{"text": "a", "output_file": "good.wav"}'
    first, bad, last = read("jsonl", f'{good}\n{row}\n{{"text": "b"}}')
    assert isinstance(first, RenderJob)
    assert isinstance(last, RenderJob)
    assert isinstance(bad, FailedJob)
    assert bad.line == 2
    assert part in bad.error
    if "JSON" in part:
        assert bad.fields == {"row": row, "output_file": "000002.wav"}


def test_a_failed_job_never_names_the_clip_of_another() -> None:
    lines = ['{"text": "a", "output_file": "000003.wav"}', "", '{"text": "b"}']
    lines += ['{"text": "c", "output_file": "x.flac"}'] * 2
    failed = [j for j in read("jsonl", "\n".join(lines)) if isinstance(j, FailedJob)]
    assert [(j.line, j.fields["output_file"]) for j in failed] == [
        (3, "000003-again.wav"),
        (5, "000005.flac"),
    ]


def test_a_csv_list_needs_a_header_with_known_names() -> None:
    for text in ("one,two\nthree,four\n", "", "text,spaeker\na,b\n"):
        with pytest.raises(WavegenError, match="first line of a CSV list must name its columns"):
            read("csv", text)
    [bad] = read("csv", "text,seed\na,1,2\n")
    assert isinstance(bad, FailedJob)
    assert bad.fields == {"row": "a,1,2", "output_file": "000002.wav"}


@pytest.mark.parametrize(("rest", "lines"), [("d\n", "4 to 5"), ('"d"\ne\n', "4 to 5")])
def test_an_unclosed_quote_in_a_csv_list_says_what_it_took(rest: str, lines: str) -> None:
    good, bad, *more = read("csv", f'text\na\n"b\nc\n{rest}')
    assert isinstance(good, RenderJob)
    assert isinstance(bad, FailedJob)
    assert bad.line == 3
    assert f"an unclosed quote took lines {lines} with it" in bad.error
    assert bad.fields["row"] == '"b\nc\n' + rest.splitlines()[0]
    assert texts(more) == rest.splitlines()[1:]


@pytest.mark.parametrize(
    "name",
    [
        *("/etc/x.wav", "../x.wav", "a/../../x.wav", "", ".", "a/..", "a\\..\\b.wav", "a\0.wav"),
        *("a\n.wav", "x" * 300 + ".wav", "\ud800.wav", "manifest.jsonl", ".wavegen-a-1-b.wav"),
    ],
)
def test_names_that_leave_the_folder_or_harm_it_are_refused(name: str) -> None:
    with pytest.raises(WavegenError, match="output_file"):
        check_name(name, ".wav")


def test_the_format_is_told_by_the_suffix_or_the_first_line() -> None:
    assert list_format(Path("a.JSONL"), "x") == "jsonl"
    assert list_format(Path("a.tsv"), "{") == "csv"
    assert list_format(Path("-"), ' {"text": 1}') == "jsonl"
    assert list_format(Path("-"), "hello") == "text"
    assert list_format(Path("-"), "Text; speaker_id") == "csv"
    assert list_format(Path("-"), "speaker,seed") == "text"
    assert list_format(Path("a.txt"), "text") == "text"
    assert list_format(Path("-"), "[[wʌn]] two") == "text"
    for wrong in ("[", '[{"text": "a"}]', ' ["a",', "RIFF\0"):
        with pytest.raises(WavegenError, match=r"^a.jsonl.* (JSON array|must be text)"):
            list_format(Path("a.jsonl"), wrong)


def test_a_missing_seed_comes_from_the_file_name() -> None:
    a, again, b = (RenderJob(i, name).request for i, name in enumerate(("a", "a", "b")))
    assert a.seed == again.seed != b.seed
    assert RenderJob(1, "a", Request(seed=3)).request.seed == 3


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["jsonl", "csv", "text"]),
    st.one_of(
        st.text(),
        st.lists(
            st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=5)), VALUES)
        ).map(lambda rows: "\n".join(map(json.dumps, rows))),
        st.lists(st.sampled_from([*FIELDS, *',;\t\n"{}[]\0:', "../", ".wav", "1e9"])).map("".join),
    ),
)
def test_any_list_is_read_and_no_name_leaves_the_folder(kind: ListFormat, text: str) -> None:
    root = Path("/data/clips")
    try:
        jobs = read(kind, text)
    except WavegenError:
        assert kind == "csv"
        return
    for job in jobs:
        if isinstance(job, RenderJob):
            assert (root / job.output_file).resolve().is_relative_to(root)
            assert job.request.text is None or job.request.text.strip()
        else:
            assert job.error
