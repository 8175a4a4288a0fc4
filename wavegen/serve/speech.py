"""Requests to sound: one engine for each voice draws those of all connections together."""

from __future__ import annotations

import asyncio
import math
import queue
import re
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from wavegen.config import Engine, WeightPrecision
from wavegen.drawing import Live
from wavegen.errors import TextError, WavegenError
from wavegen.request import Request, options
from wavegen.serve.metrics import Metrics
from wavegen.serve.voices import Voices
from wavegen.synth import plan_in_turns
from wavegen.text.ssml import begins_as_ssml
from wavegen.utterance import Audio, Utterance
from wavegen.voice import SpeakingVoice

T = TypeVar("T")
AHEAD = 4
"""Sentences of one request that are planned or drawn at the same time, at most."""
NOT_ASKED = ("text", "voice", "speaker", "lexicon", "seconds")
FIELDS = tuple(name for name in options(Request) if name not in NOT_ASKED)
"""Fields of a `Request` that a client may set; none of them names a file."""
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
"""espeak-ng would look for any other name among its files."""
LONGEST_WAIT = 60
"""Seconds after which a client that comes in vain is told to come again, at most."""


class BusyError(WavegenError):
    """As many requests are waiting as may."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many requests are waiting; try again in {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Limits:
    """What a server takes on."""

    concurrency: int = 64
    """Requests that are spoken at the same time."""
    queue: int = 64
    """Requests that wait until one of those has ended."""
    max_chars: int = 4096
    """Characters of a text, as OpenAI has it."""
    timeout: float = 60.0
    """Seconds for which a client may send nothing that is waited for, or take nothing."""


class Spoken:
    """The sound of one request, sentence by sentence while it is made: iterate over it, once.

    Args:
        live: draws it.
        request: what to speak.
        planner: its sentences are planned there, one after the other.
        told: called with each sentence before its sound comes.
    """

    def __init__(
        self,
        live: Live,
        request: Request,
        planner: Executor,
        told: Callable[[Utterance], None] = lambda utterance: None,
    ) -> None:
        self._live, self._planner, self._told = live, planner, told
        self._plan = plan_in_turns(live.voice, request)
        self._parts: queue.SimpleQueue[_Part | Exception | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._room, self._planning = AHEAD, True
        self._open: list[_Part] = []
        self._begun = self._stopped = False
        self._wanted_at = time.monotonic()
        """When the next sentence should be heard: the earliest is drawn first."""
        planner.submit(self._plan_one)

    def __iter__(self) -> Iterator[Audio]:
        """Mono float32 at the voice's rate, in pieces.

        Raises:
            WavegenError: it can't be spoken, as those of `plan`.
        """
        while (part := self._parts.get()) is not None:
            if isinstance(part, Exception):
                raise part
            self._told(part.utterance)
            while isinstance(piece := part.pieces.get(), np.ndarray):
                yield piece
            if piece is not None:
                raise piece
            self._make_room(part)
            if part.utterance.pause:
                yield np.zeros(part.utterance.pause, np.float32)

    def stop(self) -> None:
        """End it: nothing more is drawn, and the iteration ends soon."""
        with self._lock:
            self._stopped = True
            parts = [*self._open]
        for part in parts:
            part.stop()
        self._parts.put(None)

    def _make_room(self, heard: _Part) -> None:
        with self._lock:
            self._open.remove(heard)
            self._room += 1
            if self._planning or self._stopped:
                return
            self._planning = True
        self._planner.submit(self._plan_one)

    def _plan_one(self) -> None:
        """Plan the next sentence or a part of it, and begin to draw it."""
        try:
            u = END if self._stopped else next(self._plan, END)
            if u is None:
                self._planner.submit(self._plan_one)
                return
            if isinstance(u, _End):
                self._parts.put(None)
                return
            part = _Part(u)
            part.cancel = self._live.add(u, part.pieces.put, self._wanted_at)
        except Exception as e:
            self._parts.put(e)
            return
        self._wanted_at += (u.samples + u.pause) / self._live.voice.sample_rate
        with self._lock:
            stopped = self._stopped
            self._open.append(part)
            first, self._begun = not self._begun, True
            self._room -= 1
            self._planning = self._room > 0
        self._parts.put(part)
        if stopped:
            part.stop()
        elif first:
            self._plan_one()  # a text of one sentence ends here, and needn't wait for others again
        elif self._planning:
            self._planner.submit(self._plan_one)


class _End:
    """The end of a plan."""


END = _End()


class _Part:
    """A sentence that is being drawn."""

    def __init__(self, utterance: Utterance) -> None:
        self.utterance = utterance
        self.pieces: queue.SimpleQueue[Audio | Exception | None] = queue.SimpleQueue()
        self.cancel: Callable[[], None] = lambda: None

    def stop(self) -> None:
        """Draw no more of it."""
        self.cancel()
        self.pieces.put(None)


class Speech:
    """Speaks requests of any number of connections.

    Args:
        voices: that it has.
        base: defaults of what is asked, and the most seconds of a request.
        limits: what it takes on.
        engine: as in `draw`.
        precision: as in `draw`.

    Raises:
        WavegenError: the engine can't run such voices.
    """

    def __init__(
        self,
        voices: Voices,
        base: Request | None = None,
        limits: Limits | None = None,
        engine: Engine | None = None,
        precision: WeightPrecision | None = None,
        devices: Sequence[str] = (),
    ) -> None:
        self.voices, self.base, self.limits = voices, base or Request(), limits or Limits()
        self.metrics = Metrics()
        self._live = {
            name: Live(voice, engine, precision, devices) for name, voice in voices.all.items()
        }
        self._planner = ThreadPoolExecutor(1, "planner")
        self._workers = ThreadPoolExecutor(self.limits.concurrency, "request")
        self._free = asyncio.Semaphore(self.limits.concurrency)
        self._waiting = 0
        self._usual_seconds = 1.0

    def warm_up(self) -> None:
        """Speak a word with each voice, so that the first request needn't wait for anything."""
        for live in self._live.values():
            for _ in Spoken(live, replace(self.base, text="one"), self._planner):
                pass

    def close(self) -> None:
        """End what is left, and all threads."""
        self._planner.shutdown(cancel_futures=True)
        for live in self._live.values():
            live.close()
        self._workers.shutdown(cancel_futures=True)

    def request(self, text: str, speaker: str | None, **fields: Any) -> Request:
        """What a client asks for.

        Args:
            text: what to say.
            speaker: of the voice.
            fields: those of `FIELDS` that it sets; without ``ssml``, a text is SSML if it begins
                with ``<speak>``.

        Raises:
            WavegenError: the text is too long, a field is unknown, or its value is out of range.
        """
        if not text.strip():
            raise TextError("the text is empty")
        if len(text) > self.limits.max_chars:
            raise TextError(
                f"the text has {len(text):,} characters; this server takes "
                f"{self.limits.max_chars:,} at most"
            )
        for name in fields:
            if name not in FIELDS:
                raise WavegenError(f"unknown field '{name[:40]}'")
        fields = {name: value for name, value in fields.items() if value is not None}
        language = fields.get("language", "en")
        if not (isinstance(language, str) and LANGUAGE.fullmatch(language)):
            raise WavegenError("language must be a code such as en-us")
        fields.setdefault("ssml", begins_as_ssml(text))  # since most programs can't tell
        speaker = None if fields.get("speaker_path") else speaker
        made = replace(self.base, text=text, speaker=speaker, **fields)
        most, asked = self.base.max_seconds, made.max_seconds
        if most is not None and (asked is None or asked > most):
            raise WavegenError(f"max_seconds can't be more than {most:g} on this server")
        return made

    async def speak(
        self,
        voice: SpeakingVoice,
        request: Request,
        interface: str,
        make: Callable[[Iterator[Audio]], Iterator[T]],
        told: Callable[[Utterance], None] = lambda utterance: None,
    ) -> AsyncGenerator[T, None]:
        """Speak a request once there is room for it; closing the iterator stops it.

        Args:
            voice: one of the voices.
            request: what to speak.
            interface: how it came.
            make: what is yielded, from the sound; it runs in a thread of its own.
            told: called there with each sentence before its sound comes.

        Raises:
            BusyError: too many others are waiting.
            WavegenError: it can't be spoken, as those of `plan`; sound may have come before.
        """
        begun, outcome, samples = time.monotonic(), "left", 0

        def counted(sound: Iterator[Audio]) -> Iterator[Audio]:
            nonlocal samples
            for piece in sound:
                if not samples:
                    self.metrics.first.observe(time.monotonic() - begun)
                samples += len(piece)
                self.metrics.sound.inc(len(piece) / voice.sample_rate)
                yield piece

        try:
            async with self._room():
                spoken = Spoken(self._live[voice.name], request, self._planner, told)
                made = make(counted(iter(spoken)))
                run = asyncio.get_running_loop().run_in_executor
                try:
                    while (item := await run(self._workers, next, made, None)) is not None:
                        yield item
                finally:
                    spoken.stop()
            outcome = "spoken"
            took = time.monotonic() - begun
            self._usual_seconds += 0.1 * (took - self._usual_seconds)
            self.metrics.factor.observe(samples / voice.sample_rate / took)
        except BusyError:
            outcome = "busy"
            raise
        except WavegenError:
            outcome = "refused"
            raise
        except Exception:
            outcome = "failed"
            raise
        finally:
            self.metrics.requests.labels(interface, outcome).inc()

    @asynccontextmanager
    async def _room(self) -> AsyncIterator[None]:
        """Wait until fewer requests are spoken than may; raises `BusyError`."""
        if self._free.locked() and self._waiting >= self.limits.queue:
            rounds = (self._waiting + 1) / self.limits.concurrency
            seconds = math.ceil(rounds * self._usual_seconds)
            raise BusyError(min(max(seconds, 1), LONGEST_WAIT))
        self._waiting += 1
        self.metrics.waiting.set(self._waiting)
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
            self.metrics.waiting.set(self._waiting)
        self.metrics.speaking.inc()
        try:
            yield
        finally:
            self.metrics.speaking.dec()
            self._free.release()
