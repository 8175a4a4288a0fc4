"""Clients that send nothing, or take nothing, over real connections."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from wavegen.request import Request
from wavegen.serve import speech
from wavegen.synth import plan
from wavegen.utterance import Utterance
from wavegen.voice import SpeakingVoice

BODY = json.dumps({"input": "two", "response_format": "wav"}).encode()
HEAD = (
    b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)
EVENT = b'{"type": "synthesize", "data": {"text": "two"}}\n'


def connect(address: str) -> socket.socket:
    """A connection whose client takes little at once."""
    host, port = address.partition("//")[2].split(":")
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.settimeout(30)
    made.connect((host, int(port)))
    return made


def rest(connection: socket.socket) -> bytes:
    """What comes until the server ends the connection."""
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize(
    ("interface", "sent", "answer"),
    [
        ("http", b"", b""),
        ("http", b"GET /health HTTP/1.1\r\nHost:", b""),
        ("http", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /", b"HTTP/1.1 200 OK"),
        ("http", HEAD + BODY[:-1], b"HTTP/1.1 408 Request Timeout"),
        ("wyoming", b"", b""),
        ("wyoming", EVENT[:-1], b""),
        ("wyoming", b'{"type": "synthesize", "data_length": 9}\n{"', b""),
        ("wyoming", b'{"type": "synthesize-start"}\n', b""),
    ],
)
def test_a_client_that_sends_nothing_more_is_left(
    impatient: Any, interface: str, sent: bytes, answer: bytes
) -> None:
    with connect(getattr(impatient, interface)) as connection:
        connection.sendall(sent)
        assert rest(connection).partition(b"\r\n")[0] == answer


def test_a_long_text_does_not_hold_up_others_while_it_is_planned(
    serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()

    def long(voice: SpeakingVoice, request: Request) -> Iterator[Utterance | None]:
        while request.text == "two" and not go.is_set():
            begun.set()
            yield None
        yield from plan(voice, request)

    monkeypatch.setattr(speech, "plan_in_turns", long)
    address = f"{serve()}/v1/audio/speech"
    waiting = threading.Thread(
        target=httpx2.post, args=(address,), kwargs={"json": {"input": "two"}}
    )
    waiting.start()
    assert begun.wait(30)
    assert httpx2.post(address, json={"input": "one"}, timeout=30).status_code == 200
    go.set()
    waiting.join()


@pytest.mark.parametrize("sent", [HEAD, HEAD + BODY[:5], HEAD[:-30]])
def test_a_client_that_leaves_before_its_request_is_complete_is_no_error(
    impatient: Any, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(impatient.http) as connection:
        connection.sendall(sent)
    assert httpx2.get(f"{impatient.http}/health").status_code == 200
    assert not caplog.records


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """What says "two" says so for ever."""

    def repeated(voice: SpeakingVoice, request: Request) -> Iterator[Utterance]:
        while request.text == "two":
            yield from plan(voice, request)
        yield from plan(voice, request)

    monkeypatch.setattr(speech, "plan_in_turns", repeated)


@pytest.mark.parametrize("impatient", [2.0], indirect=True)
@pytest.mark.parametrize(("interface", "sent"), [("http", HEAD + BODY), ("wyoming", EVENT)])
@pytest.mark.usefixtures("endless")
def test_a_client_that_takes_no_more_sound_frees_its_place_and_a_slow_one_keeps_it(
    impatient: Any, interface: str, sent: bytes
) -> None:
    shown = f'wavegen_requests_total{{interface="{interface}",outcome="left"}} 1.0'

    def metrics() -> str:
        return httpx2.get(f"{impatient.http}/metrics").text

    with connect(getattr(impatient, interface)) as connection:
        connection.sendall(sent)
        for _ in range(50):  # faster than what the server keeps is sent in its time
            assert connection.recv(4096)
            time.sleep(0.05)
        assert "wavegen_speaking 1.0" in metrics()
        deadline = time.monotonic() + 30
        while shown not in metrics():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        body = {"input": "one", "response_format": "wav"}
        spoken = httpx2.post(f"{impatient.http}/v1/audio/speech", json=body, timeout=30)
        assert spoken.status_code == 200
        assert rest(connection)
