"""Wyoming, as the client of its own package speaks it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeTextFormat,
    SynthesizeVoice,
)

from wavegen.audio.writing import apply_finish, pcm
from wavegen.request import Request
from wavegen.serve.wyoming import describe
from wavegen.synth import join, plan, synthesize
from wavegen.voice import SpeakingVoice


@asynccontextmanager
async def client(uri: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient.from_uri(uri) as connected:
        yield connected


def answers(
    uri: str, *events: Eventable | Event, last: Sequence[type[Any]] = (AudioStop,)
) -> list[Event]:
    """What comes back until an event of these kinds, or the end."""

    async def ask() -> list[Event]:
        async with client(uri) as c:
            for event in events:
                await c.write_event(event if isinstance(event, Event) else event.event())
            seen: list[Event] = []
            while answer := await asyncio.wait_for(c.read_event(), 60):
                seen.append(answer)
                if any(kind.is_type(answer.type) for kind in last):
                    break
            return seen

    return asyncio.run(ask())


def sound(events: Sequence[Event]) -> bytes:
    chunks = [AudioChunk.from_event(e) for e in events if AudioChunk.is_type(e.type)]
    return b"".join(c.audio for c in chunks)


def synth(voice: SpeakingVoice, text: str, speaker: str | None = None, ssml: bool = False) -> bytes:
    parts = [*plan(voice, Request(text=text, speaker=speaker, ssml=ssml))]
    return pcm(apply_finish(join(parts, synthesize(voice, parts)), voice.sample_rate))


def test_it_describes_voices_and_their_speakers(shared: Any) -> None:
    [event] = answers(shared.wyoming, Describe(), last=(Info,))
    info = Info.from_event(event)
    assert info == describe(shared.speech)
    [program] = info.tts
    assert program.supports_synthesize_streaming
    assert [v.name for v in program.voices] == ["tiny", "other"]
    assert program.voices[1].languages == ["en-US"]
    assert [s.name for s in program.voices[1].speakers or ()][:2] == ["ann", "jackson"]


@pytest.mark.parametrize(
    ("voice", "speaker"),
    [
        (None, None),
        (SynthesizeVoice(name="tiny", speaker="theo"), "theo"),
        (SynthesizeVoice(name="tiny/theo"), "theo"),
        (SynthesizeVoice(language="en-US"), None),
    ],
)
def test_a_text_sounds_as_synth_speaks_it(
    shared: Any, spoken_voice: SpeakingVoice, voice: SynthesizeVoice | None, speaker: str | None
) -> None:
    events = answers(shared.wyoming, Synthesize("One two. Three!", voice))
    assert AudioStart.from_event(events[0]) == AudioStart(8000, 2, 1)
    assert sound(events) == synth(spoken_voice, "One two. Three!", speaker)


def test_sentences_of_a_text_in_pieces_are_spoken_before_it_ends(
    shared: Any, spoken_voice: SpeakingVoice
) -> None:
    said = [synth(spoken_voice, s, "theo") for s in ("One two.", "Three, four! Five.")]

    async def talk() -> bytes:
        async with client(shared.wyoming) as c:
            for event in (
                SynthesizeStart(SynthesizeVoice(name="tiny", speaker="theo")),
                *map(SynthesizeChunk, ("One", " two. Th", "ree, four! F")),
                Synthesize("One two. Three, four! Five."),  # for servers that take no pieces
            ):
                await c.write_event(event.event())
            seen: list[Any] = []
            while len(sound(seen)) < len(said[0]):
                seen.append(await asyncio.wait_for(c.read_event(), 60))  # the rest isn't sent yet
            await c.write_event(SynthesizeChunk("ive.").event())
            await c.write_event(SynthesizeStop().event())
            while not SynthesizeStopped.is_type(seen[-1].type):
                seen.append(await asyncio.wait_for(c.read_event(), 60))
            assert [e.type for e in seen].count("audio-start") == 1
            assert AudioStop.is_type(seen[-2].type)
            return sound(seen)

    assert asyncio.run(talk()) == b"".join(said)


SSML = "<speak>One, two. <break time='300ms'/>Three!</speak>"


def test_ssml_is_spoken_as_such_where_the_event_or_its_beginning_says_so(
    shared: Any, spoken_voice: SpeakingVoice
) -> None:
    spoken = synth(spoken_voice, SSML, ssml=True)
    begin, end = SSML[:4], SSML[4:]
    for events in (
        [Synthesize(SSML, text_format=SynthesizeTextFormat.SSML)],
        [Synthesize(f"<?xml version='1.0'?> {SSML}")],
        [SynthesizeStart(), *map(SynthesizeChunk, (begin, *end)), SynthesizeStop()],
    ):
        assert sound(answers(shared.wyoming, *events)) == spoken
    for events in (
        [Synthesize(SSML, text_format=SynthesizeTextFormat.TEXT)],
        [SynthesizeStart(text_format="text"), SynthesizeChunk(SSML), SynthesizeStop()],
        [SynthesizeStart(), SynthesizeChunk("Now this. "), SynthesizeChunk(SSML), SynthesizeStop()],
    ):
        assert spoken not in (said := sound(answers(shared.wyoming, *events)))
        assert said


def test_what_can_not_be_said_in_a_text_in_pieces_is_left_out(
    shared: Any, spoken_voice: SpeakingVoice
) -> None:
    pieces = ("One.\n", "!!!\n", "Two.\n")
    events = answers(
        shared.wyoming,
        SynthesizeStart(),
        *map(SynthesizeChunk, pieces),
        SynthesizeStop(),
        last=(SynthesizeStopped, Error),
    )
    assert SynthesizeStopped.is_type(events[-1].type)
    assert sound(events) == synth(spoken_voice, "One.") + synth(spoken_voice, "Two.")


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Synthesize(" "), "the text is empty"),
        (Synthesize("!"), "no words to speak"),
        (Synthesize("one", SynthesizeVoice(name="zork")), "no voice or speaker 'zork'"),
        (Synthesize("a" * 201), "takes 200 at most"),
        (Synthesize("one", text_format=SynthesizeTextFormat.SSML), "the SSML is not well-formed"),
        (Synthesize(5), "the synthesize event can't be read"),  # type: ignore[arg-type]
        (Event("synthesize", {}), "the synthesize event can't be read"),
        (Event("synthesize", {"text": "one", "text_format": []}), "event can't be read"),
        (Event("synthesize-start", {"voice": {"name": 5}}), "event can't be read"),
        (Synthesize("<speak>one"), "the SSML is not well-formed"),
        (Synthesize("one", text_format="markdown"), "must be text or ssml, not markdown"),
    ],
)
def test_an_error_is_told_and_ends_the_connection(
    shared: Any, event: Synthesize | Event, message: str
) -> None:
    [answer] = answers(shared.wyoming, event)
    assert message in Error.from_event(answer).text


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b"{}\n",
        b'{"type": "describe", "payload_length": 99999999}\n',
        b'{"type": "describe", "data_length": "9"}\n',
        b"[" * 70000,
        b"[" * 60000 + b"\n",
    ],
    ids=lambda line: line[:30].decode(),
)
def test_what_can_not_be_read_ends_the_connection_alone(
    shared: Any, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask() -> bytes:
        host, port = shared.wyoming.removeprefix("tcp://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(line)
        found = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        return found

    assert b"synthesize" not in asyncio.run(ask())
    assert answers(shared.wyoming, Describe(), last=(Info,))
    assert not [r for r in caplog.records if r.exc_info]
