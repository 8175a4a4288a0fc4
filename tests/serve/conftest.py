"""A server on this machine, with an untrained voice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

import pytest

from wavegen.library import load_voice
from wavegen.serve.server import listen, make_server
from wavegen.serve.server import serve as run
from wavegen.serve.speech import Limits, Speech
from wavegen.serve.voices import Voices
from wavegen.voice import SpeakingVoice


@pytest.fixture(scope="session")
def spoken_voice(tiny_voice_file: Path) -> SpeakingVoice:
    """It speaks each sentence in an utterance of its own."""
    voice = load_voice(tiny_voice_file)
    assert isinstance(voice, SpeakingVoice)
    return replace(voice, config=voice.config.replace("data", join=1), longest=9)


@pytest.fixture(scope="session")
def voices(spoken_voice: SpeakingVoice) -> Voices:
    other = replace(spoken_voice, name="other", speakers=("ann", *spoken_voice.speakers[1:]))
    return Voices({"tiny": spoken_voice, "other": other})


@dataclass(frozen=True)
class Running:
    """A server and where it listens."""

    speech: Speech
    http: str
    wyoming: str


@contextmanager
def running(speech: Speech, buffer: int = 0, **options: Any) -> Iterator[Running]:
    """Serve in a thread; the system keeps so many bytes that are sent, if it is set."""
    http, wyoming = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    for socket in (http, wyoming):
        if buffer:
            socket.setsockopt(SOL_SOCKET, SO_SNDBUF, buffer)
    server = make_server(speech, wyoming=wyoming, **options)
    thread = threading.Thread(target=run, args=(speech, server, http))
    at = [f"127.0.0.1:{socket.getsockname()[1]}" for socket in (http, wyoming)]
    thread.start()
    try:
        yield Running(speech, f"http://{at[0]}", f"tcp://{at[1]}")
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def shared(voices: Voices) -> Iterator[Running]:
    """One for the tests that change nothing of it."""
    with running(Speech(voices, limits=Limits(max_chars=200))) as found:
        yield found


@pytest.fixture(scope="session")
def server(shared: Running) -> str:
    """Its address."""
    return shared.http


@pytest.fixture
def impatient(voices: Voices, request: pytest.FixtureRequest) -> Iterator[Running]:
    """A server that speaks one request at a time and waits for half a second, or as is said."""
    limits = Limits(concurrency=1, queue=1, timeout=getattr(request, "param", 0.5))
    with running(Speech(voices, limits=limits), buffer=4096) as found:
        yield found


@pytest.fixture
def serve(voices: Voices) -> Iterator[Callable[..., str]]:
    """Start a server of its own: arguments of `Limits` and `make_app`; returns its address."""
    with ExitStack() as stack:

        def start(limits: Limits | None = None, **options: Any) -> str:
            return stack.enter_context(running(Speech(voices, limits=limits), **options)).http

        yield start
