"""The Wyoming protocol, by which Home Assistant speaks: events on a connection, text in and sound
out (https://github.com/OHF-Voice/wyoming)."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, suppress
from typing import Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Attribution, Describe, Info, TtsProgram, TtsVoice, TtsVoiceSpeaker
from wyoming.server import AsyncEventHandler
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeTextFormat,
    SynthesizeVoice,
)

import wavegen
from wavegen.audio.writing import finish_stream, pcm
from wavegen.errors import TextError, WavegenError
from wavegen.request import Request
from wavegen.serve.speech import Speech
from wavegen.serve.voices import several
from wavegen.text import complete_sentences
from wavegen.text.ssml import begins_as_ssml
from wavegen.utterance import Audio
from wavegen.voice import SpeakingVoice

log = logging.getLogger(__name__)
SSML: dict[str | None, bool | None] = {
    None: None,
    SynthesizeTextFormat.TEXT: False,
    SynthesizeTextFormat.SSML: True,
}
"""Whether a text is SSML, by its format; where there is none, its beginning shows it."""
MOST_BYTES = 1 << 20
"""Of one part of an event."""


class _Bounded:
    """A reader of events none of whose parts is too large, or comes too late.

    Args:
        reader: of the connection.
        seconds: for each part; raises `TimeoutError` after that.
        patient: whether the next event may come at any time.
    """

    def __init__(
        self, reader: asyncio.StreamReader, seconds: float, patient: Callable[[], bool]
    ) -> None:
        self._reader, self._seconds, self._patient = reader, seconds, patient
        self.feed_eof = reader.feed_eof

    async def readline(self) -> bytes:
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._reader.readline()
            except TimeoutError:
                if not self._patient():
                    raise

    async def readexactly(self, n: int) -> bytes:
        if n > MOST_BYTES:
            raise WavegenError(f"an event has a part of {n:,} bytes")
        async with asyncio.timeout(self._seconds):
            return await self._reader.readexactly(n)


class Connection(AsyncEventHandler):
    """A connection that speaks the protocol.

    A text may come whole or in pieces. Of the pieces, sentences are spoken as soon as they are
    complete, each as a request of its own; meanwhile no more than one is read ahead. SSML is spoken
    when all of it has come.
    """

    def __init__(
        self, speech: Speech, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._seconds = speech.limits.timeout
        bounded = _Bounded(reader, self._seconds, lambda: self._sounds)
        super().__init__(bounded, writer)  # type: ignore[arg-type]
        self._speech = speech
        self._speaking: asyncio.Task[None] | None = None
        self._voice: tuple[SpeakingVoice, str | None] | None = None
        """Of a text that comes in pieces."""
        self._text = ""
        """Of it, what has not been spoken."""
        self._ssml: bool | None = None
        """Whether it is SSML; None as long as its beginning may show that."""
        self._error: TextError | None = None
        self._begun = False

    @property
    def busy(self) -> bool:
        """Whether it is speaking, or a text has not come to its end."""
        return self._voice is not None or self._speaking is not None

    @property
    def _sounds(self) -> bool:
        return self._speaking is not None and not self._speaking.done()

    async def write_event(self, event: Event) -> None:
        """Send an event; raises `TimeoutError` if the client doesn't take it."""
        async with asyncio.timeout(self._seconds):
            await super().write_event(event)

    async def answer(self) -> None:
        """Answer until the client leaves, sends what can't be answered, or does nothing."""
        try:
            await self.run()
        except TimeoutError:
            self.writer.transport.abort()  # what it hasn't taken is dropped
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # it has left
        except (WavegenError, KeyError, TypeError, AttributeError, RecursionError) as e:
            log.warning(f"a Wyoming client sent what can't be read: {type(e).__name__}: {e}")

    async def handle_event(self, event: Event) -> bool:
        """Answer an event; False ends the connection, after an `Error`."""
        try:
            if Describe.is_type(event.type):
                await self.write_event(describe(self._speech).event())
            elif Synthesize.is_type(event.type) and self._voice is None:
                # A client that sends pieces sends this, too, for servers that take none.
                asked = _read(Synthesize, event)
                self._begin(asked.voice, asked.text_format)
                await self._end(asked.text)
            elif SynthesizeStart.is_type(event.type):
                start = _read(SynthesizeStart, event)
                self._begin(start.voice, start.text_format)
            elif SynthesizeChunk.is_type(event.type) and self._voice is not None:
                await self._continue(_read(SynthesizeChunk, event).text)
            elif SynthesizeStop.is_type(event.type) and self._voice is not None:
                await self._end(self._text)
                await self.write_event(SynthesizeStopped().event())
        except WavegenError as e:
            await self.write_event(Error(str(e), type(e).__name__).event())
            return False
        return True

    async def disconnect(self) -> None:
        """Called when the client has left."""
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)

    def _begin(self, voice: SynthesizeVoice | None, form: str | None) -> None:
        if form not in SSML:
            raise TextError(f"text_format must be text or ssml, not {str(form)[:40]}")
        named = [s for s in (voice.name, voice.speaker) if s] if voice is not None else []
        self._voice = self._speech.voices.find("/".join(named) or None)
        self._text, self._ssml, self._error, self._begun = "", SSML[form], None, False

    async def _continue(self, text: str) -> None:
        """Speak the sentences that are complete with another piece of the text."""
        assert self._voice is not None
        self._text += text
        if self._ssml is None and begins_as_ssml(self._text):
            self._ssml = True
        language = self._speech.base.language or self._voice[0].config.data.language
        complete, rest = "", self._text
        if not self._ssml:
            complete, rest = complete_sentences(rest, language)
        if complete:
            self._text, self._ssml = rest, False
            await self._say(complete)
        elif len(rest) > self._speech.limits.max_chars:
            what = "the SSML" if self._ssml else "a sentence"
            raise TextError(f"{what} has more than {self._speech.limits.max_chars:,} characters")

    async def _end(self, text: str) -> None:
        """Speak the rest of a text."""
        if text.strip():
            await self._say(text)
        await self._finish()
        self._voice = None
        if not self._begun:
            raise self._error or TextError("the text is empty")
        await self.write_event(AudioStop().event())

    async def _say(self, text: str) -> None:
        """Speak a part of a text once the part before it has been spoken."""
        assert self._voice is not None
        await self._finish()
        voice, speaker = self._voice
        request = self._speech.request(text, speaker, ssml=self._ssml)
        self._speaking = asyncio.create_task(self._speak(voice, request))

    async def _finish(self) -> None:
        if self._speaking is None:
            return
        try:
            await self._speaking
        except TextError as e:  # an emoji in an answer doesn't silence the rest
            self._error = e
            log.warning(str(e))
        finally:
            self._speaking = None

    async def _speak(self, voice: SpeakingVoice, request: Request) -> None:
        form = {"rate": voice.sample_rate, "width": 2, "channels": 1}

        def encode(sound: Iterator[Audio]) -> Iterator[bytes]:
            return map(pcm, finish_stream(sound, voice.sample_rate))

        async with aclosing(self._speech.speak(voice, request, "wyoming", encode)) as chunks:
            async for data in chunks:
                if not self._begun:
                    self._begun = True
                    await self.write_event(AudioStart(**form).event())
                await self.write_event(AudioChunk(**form, audio=data).event())


def _read(kind: Any, event: Event) -> Any:
    """An event as its kind; raises `WavegenError` where a part of it is missing or no string."""
    with suppress(KeyError, TypeError, AttributeError):
        found = kind.from_event(event)
        voice = getattr(found, "voice", None) or SynthesizeVoice()
        others = getattr(found, "text_format", None), voice.name, voice.speaker
        whole = isinstance(getattr(found, "text", ""), str)
        if whole and all(isinstance(s, str | None) for s in others):
            return found
    raise WavegenError(f"the {event.type} event can't be read")


def describe(speech: Speech) -> Info:
    """The voices, and the speakers of those that have several."""
    version = wavegen.__version__
    voices = [
        TtsVoice(
            name=voice.name,
            attribution=_attribution(voice),
            installed=True,
            description=voice.name,
            version=version,
            languages=[_locale(voice.config.data.language)],
            speakers=[TtsVoiceSpeaker(name) for name in several(voice)] or None,
        )
        for voice in speech.voices.all.values()
    ]
    program = TtsProgram(
        name="wavegen",
        attribution=Attribution("wavegen", ""),
        installed=True,
        description="WaveNet",
        version=version,
        voices=voices,
        supports_synthesize_streaming=True,
    )
    return Info(tts=[program])


def _attribution(voice: SpeakingVoice) -> Attribution:
    training = voice.training
    return Attribution(str(training.get("attribution") or ""), str(training.get("licence") or ""))


def _locale(language: str) -> str:
    """A language as Home Assistant writes it: en-us is en-US."""
    base, *rest = language.split("-")
    return "-".join([base, *(part.upper() if len(part) == 2 else part for part in rest)])


class Server:
    """Answers all connections.

    Args:
        speech: what they use.
    """

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self._open: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, sock: socket.socket) -> None:
        """Begin to answer those to a listening socket."""
        self._server = await asyncio.start_server(self._connected, sock=sock)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self._speech, reader, writer)
        self._open.add(connection)
        try:
            await connection.answer()
        finally:
            self._open.discard(connection)

    async def stop(self, seconds: float) -> None:
        """Take no more connections, and end those there are: at once where nothing is spoken, and
        after so many seconds at the latest."""
        if self._server is None:
            return
        self._server.close()
        end = time.monotonic() + seconds
        while self._open and time.monotonic() < end:
            for connection in [*self._open]:
                if not connection.busy:
                    await connection.stop()
            await asyncio.sleep(0.05)
        for connection in [*self._open]:
            await connection.stop()
