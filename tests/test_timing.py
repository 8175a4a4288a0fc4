"""When everything is spoken."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from helpers import Result, one_clear_line

import wavegen
from wavegen.request import Request
from wavegen.speech.intervals import Interval
from wavegen.synth import join, plan, synthesize
from wavegen.timing import subtitles, timing, written_words
from wavegen.voice import Voice


def test_times_of_sentences_are_those_of_the_joined_sound(tiny_voice: Voice) -> None:
    alone = replace(tiny_voice, config=tiny_voice.config.replace("data", join=1), longest=9)
    request = Request(text="One two. Three!", sentence_silence=0.5)
    first, second = said = [*plan(alone, request)]
    told = timing(alone, said)
    audio = join(said, synthesize(alone, said))
    assert told.seconds == pytest.approx(len(audio) / 8000)
    assert [w.label for w in told.words] == ["one", "two", "three"]
    assert [s.label for s in told.sentences] == ["one two", "three"]
    assert told.sentences[1].start > first.samples / 8000 + 0.5
    assert told.words[1].end <= first.samples / 8000
    [of_second] = timing(alone, [second]).words
    offset = (first.samples + first.pause) / 8000
    assert told.words[2].start == pytest.approx(of_second.start + offset)
    for tier in (told.words, told.phones):
        assert all(i.label and i.start < i.end for i in tier)
        assert all(a.end <= b.start + 1e-9 for a, b in pairwise(tier))

    [whole] = plan(replace(tiny_voice, longest=9), request)  # both in one utterance
    assert timing(tiny_voice, [whole]).sentences[1].start > told.words[1].end + 0.5


def spoken(*words: str) -> tuple[Interval, ...]:
    """Each word lasts a second."""
    return tuple(Interval(word, n, n + 1) for n, word in enumerate(words))


@pytest.mark.parametrize(
    ("text", "words", "written"),
    [
        ("It is 7:30.", "it is seven thirty", [("It", 1), ("is", 2), ("7:30.", 4)]),
        ("— One & two —", "one and two", [("— One", 1), ("&", 2), ("two —", 3)]),
        ("One 🎉 two", "one two", [("One 🎉", 1), ("two", 2)]),
        ("5", "five", [("5", 1)]),
        ("🎉", "", []),
    ],
)
def test_written_words_have_the_times_of_what_is_said(
    text: str, words: str, written: list[tuple[str, int]]
) -> None:
    found = written_words(text, spoken(*words.split()))
    assert [(w.label, w.end) for w in found] == written


def test_subtitles_break_at_sentences_and_at_two_lines() -> None:
    words = tuple(Interval(w, n / 10, n / 10 + 0.1) for n, w in enumerate(["word"] * 30 + ["<b>"]))
    cues = subtitles(words, (Interval("", 0, 0.2), Interval("", 0.2, 3)), ".srt").split("\n\n")
    assert cues[0] == "1\n00:00:00,000 --> 00:00:00,200\nword word"
    assert cues[1].startswith("2\n00:00:00,200 --> ")
    assert len(cues) == 3
    assert max(len(line) for cue in cues for line in cue.splitlines()) <= 42
    web = subtitles(words, (), ".vtt")
    assert web.startswith("WEBVTT\n\n1\n00:00:00.000 --> ")
    assert "&lt;b&gt;\n" in web


def test_times_are_written_beside_the_sound(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    text = ("One 2.\nThree!", "--voice", tiny_voice_file)
    files = [tmp_path / name for name in ("a.wav", "a.json", "a.vtt")]
    flags = zip(("-o", "--timings", "--subtitles"), files, strict=True)
    command = ("synth", *text, *(x for pair in flags for x in pair))
    done = cli(*command)
    assert done.code == 0, done.err
    told = json.loads(files[1].read_text())
    assert [w["label"] for w in told["words"]] == ["one", "two", "three"]
    assert files[2].read_text().count("One 2.") == 1
    files[0].unlink()
    one_clear_line(cli(*command), "--timings", "exists")
    files[1].unlink()
    one_clear_line(cli(*command, "--subtitles", tmp_path / "b.txt"), "--subtitles", ".srt")
    cli(*command, "--force")

    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text(json.dumps({"text": text[0], "output_file": "a.wav", "seed": 0}))
    render = ("render", jobs, "-o", tmp_path / "out", "--voice", tiny_voice_file)
    assert "1 clip," in cli(*render).err
    assert "1 clip," in cli(*render, "--timings", "--subtitles", "vtt").err
    for file in files[1:]:
        assert (tmp_path / "out" / file.name).read_text() == file.read_text()

    ssml = "<speak>One <mark name='here'/>two<nonsense/>.</speak>"
    args = ("synth", "--ssml", ssml, "--voice", tiny_voice_file)
    done = cli(*args, "-o", tmp_path / "s.wav", "--timings", tmp_path / "s.json")
    assert done.err.count("warning: ") == done.err.count("<nonsense>") == 1
    told_of_ssml = json.loads((tmp_path / "s.json").read_text())
    [mark] = told_of_ssml["marks"]
    assert mark == {"label": "here", "time": told_of_ssml["words"][1]["start"]}
    one_clear_line(cli("synth", "--ssml", "<speak>", "-o", tmp_path / "x.wav"), "not well-formed")

    [chunk] = wavegen.load_voice(tiny_voice_file).synthesize(text[0])
    assert [w.label for w in chunk.words] == ["one", "two", "three"]
    assert [w.start for w in chunk.words] == pytest.approx([w["start"] for w in told["words"]])
