"""SSML to text with directions."""

import logging

import pytest

from wavegen.errors import TextError
from wavegen.text import normalise
from wavegen.text.ssml import begins_as_ssml, read_ssml


def read(inside: str) -> str:
    return " ".join(read_ssml(f"<speak>{inside}</speak>").split())


@pytest.mark.parametrize(
    ("ssml", "text"),
    [
        ("One\n  two", "One two"),
        ("a<break time='250ms'/>b<break/>c", "a [pause 0.25s] b [pause 0.5s] c"),
        ("a<break strength='none'/>b", "ab"),
        ("<break time='100s'/>", "[pause 60s]"),
        ("<prosody rate='80%'>a</prosody> b", "[rate 0.8] a [/rate] b"),
        (
            "<prosody rate='slow' pitch='+2st'>a<prosody rate='+100%'>b</prosody>c</prosody>",
            "[rate 0.8] [pitch 2] a [rate 1.6] b [rate 0.8] c [/rate] [/pitch]",
        ),
        ("<prosody pitch='+100%'>a</prosody>", "[pitch 12] a [/pitch]"),
        ("<prosody volume='-6dB'>a</prosody>", "[volume -6] a [/volume]"),
        ("<prosody volume='50'>a</prosody>", "[volume -6.0206] a [/volume]"),
        ("<phoneme alphabet='ipa' ph='tuː'>x</phoneme>", "[[tuː]]"),
        ("<say-as interpret-as='characters'>aB1-9</say-as>", "A.B 1 - 9"),
        ("<say-as interpret-as='date' format='dmy'>3/4/2026</say-as>", "2026-04-03"),
        ("<say-as interpret-as='date'>3 May</say-as>", "3 May"),
        ("<say-as interpret-as='telephone'>+49 30-12</say-as>", "+ 4 9, 3 0, 1 2"),
        ("<voice name='anne'>a<voice name='joe'>b</voice></voice>c",
         "[speaker anne] a [speaker joe] b [speaker anne] [/speaker] c"),
        ("<sub alias='World Wide Web'>WWW</sub>", "World Wide Web"),
        ("a<mark name='here'/>b &lt; c", "a [mark here] b < c"),
        ("<metadata><x>secret</x></metadata>a", "a"),
    ],
)  # fmt: skip
def test_tags_become_directions(ssml: str, text: str) -> None:
    assert read(ssml) == text


def test_sentences_and_paragraphs_are_lines() -> None:
    ssml = "<speak xmlns='http://www.w3.org/2001/10/synthesis'><p><s>One</s><s>two</s></p></speak>"
    assert [s[0] for s in normalise(read_ssml(ssml))] == ["one", "two"]


def test_unknown_tags_are_one_warning_and_what_they_hold_is_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "wavegen"):
        said = read("<emphasis>a</emphasis><foo/><emphasis/><say-as interpret-as='x'>b</say-as>")
    assert said == "ab"
    [record] = caplog.records
    assert record.getMessage().endswith("left out: <emphasis>, <foo>, say-as 'x'")


@pytest.mark.parametrize(
    ("ssml", "part"),
    [
        ("", "no element found"),
        ("One", "line 1, column 0"),
        ("<speak>One", "line 1"),
        ("<speak><p>One</speak>", "mismatched tag"),
        ("<voice name='a'/>", "begins with <speak>"),
        ("<speak><voice/></speak>", "<voice> in the SSML needs a name"),
        ("<speak><mark name='a]'/></speak>", "without brackets"),
        ("<speak><break time='soon'/></speak>", "such as 500ms"),
        ("<speak><prosody rate='very'/></speak>", "prosody rate 'very'"),
        ("<!DOCTYPE speak [<!ENTITY a 'b'>]><speak>&a;</speak>", "document type"),
        ("<speak>\0</speak>", "the SSML"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(ssml: str, part: str) -> None:
    with pytest.raises(TextError, match="SSML") as raised:
        read_ssml(ssml)
    assert part in str(raised.value)
    assert "\n" not in str(raised.value)


def test_any_depth_is_read() -> None:
    assert read("<p>" * 50_000 + "One" + "</p>" * 50_000) == "One"


def test_its_beginning_tells_ssml_from_text() -> None:
    for ssml in (
        "<speak>",
        " \n<speak\nversion='1.1'>",
        "<?xml version='1.0'?>\n<speak>",
        "<speak/>",
    ):
        assert begins_as_ssml(ssml)
    for text in ("<speak", "<speaker>", "<p>", "speak", "Say <speak>", "<?xml version='1.0'?>", ""):
        assert not begins_as_ssml(text)
