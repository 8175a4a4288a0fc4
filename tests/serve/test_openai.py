"""Speech as OpenAI's own client asks for it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import numpy as np
import openai
import pytest
import soundfile

from wavegen.audio.writing import Audio, apply_finish, encode, pcm
from wavegen.request import Finish, Request
from wavegen.serve import speech
from wavegen.serve.speech import Limits
from wavegen.synth import join, plan, synthesize
from wavegen.timing import timing
from wavegen.utterance import Utterance
from wavegen.voice import SpeakingVoice

TEXT = "One two. Three!"


def client(address: str, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, **options)


def synth(voice: SpeakingVoice, text: str = TEXT, rate: int | None = None, **fields: Any) -> Audio:
    """What `wavegen synth` writes."""
    parts = [*plan(voice, Request(text=text, **fields))]
    audio = join(parts, synthesize(voice, parts))
    return apply_finish(audio, voice.sample_rate, Finish(sample_rate=rate))


def post(address: str, content: bytes | dict[str, Any], **headers: str) -> httpx2.Response:
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = {"content-type": "application/json"} | headers
    return httpx2.post(f"{address}/v1/audio/speech", content=content, headers=headers, timeout=60)


def test_samples_are_those_of_synth_in_every_format(
    server: str, spoken_voice: SpeakingVoice
) -> None:
    speak = client(server).audio.speech.create
    options: dict[str, Any] = {"model": "tts-1", "voice": "theo", "input": TEXT}
    alone = synth(spoken_voice, speaker="theo")
    assert speak(**options, response_format="wav").content[44:] == pcm(alone)
    assert speak(**options, response_format="flac").content == encode(alone, ".flac", 8000)
    bare = speak(**options, response_format="pcm").content
    assert bare == pcm(synth(spoken_voice, speaker="theo", rate=24000))
    for form in ("mp3", "opus"):
        audio, rate = soundfile.read(
            io.BytesIO(speak(**options, response_format=form).content)  # type: ignore[arg-type]
        )
        assert rate == 8000
        assert 0 <= len(audio) - len(alone) < 2400, form
    assert speak(**options).content[:2] == b"\xff\xe3"  # MP3, as OpenAI's default is


def test_a_request_sets_speed_seed_and_all_that_concerns_the_voice(
    server: str, spoken_voice: SpeakingVoice
) -> None:
    extra = {"seed": 5, "temperature": 0.5, "pitch_shift": 2, "noise_scale": 0.2}
    content = (
        client(server)
        .audio.speech.create(
            model="tiny",
            voice="theo:0.5,lucas:0.5",
            input="six",
            response_format="wav",
            speed=0.5,
            instructions="cheerfully",
            extra_body={**extra, "sentence_silence": None},
        )
        .content
    )
    alone = synth(spoken_voice, "six", speaker="theo:0.5,lucas:0.5", length_scale=2, **extra)
    assert content[44:] == pcm(alone)
    other = synth(spoken_voice, "six", speaker="theo:0.5,lucas:0.5", length_scale=2)
    assert content[44:] != pcm(other)


def test_a_text_that_begins_as_ssml_is_spoken_as_such_unless_the_client_says_otherwise(
    server: str, spoken_voice: SpeakingVoice
) -> None:
    ssml = "<speak>One <break time='300ms'/><prosody rate='slow'>two</prosody>.</speak>"
    body = {"input": ssml, "response_format": "pcm", "sample_rate": 8000}
    spoken = pcm(synth(spoken_voice, ssml, ssml=True))
    assert post(server, body).content == post(server, body | {"ssml": True}).content == spoken
    assert post(server, body | {"ssml": False}).content == pcm(synth(spoken_voice, ssml))
    for wrong in ({"input": "<speak>"}, {"ssml": True, "input": "one"}):
        assert "not well-formed" in post(server, wrong).json()["error"]["message"]


def test_the_first_sentence_is_heard_before_the_second_is_planned(
    server: str, spoken_voice: SpeakingVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = threading.Event()

    def slow(voice: SpeakingVoice, request: Request) -> Iterator[Utterance]:
        for number, u in enumerate(plan(voice, request)):
            assert number == 0 or heard.wait(30)
            yield u

    monkeypatch.setattr(speech, "plan_in_turns", slow)
    options: dict[str, Any] = {"model": "", "voice": "tiny", "input": TEXT}
    create = client(server).audio.speech.with_streaming_response.create
    with create(**options, response_format="wav") as response:
        parts = response.iter_bytes()
        content = next(parts)
        while len(content) < 2000:
            content += next(parts)
        heard.set()
        assert (content + b"".join(parts))[44:] == pcm(synth(spoken_voice))


def test_events_carry_the_sound_and_end_with_its_usage(
    server: str, spoken_voice: SpeakingVoice
) -> None:
    create = client(server).audio.speech.with_streaming_response.create
    with create(
        model="tiny", voice="george", input=TEXT, response_format="wav", stream_format="sse"
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in response.iter_lines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert {e["type"] for e in events[:-1]} == {"speech.audio.delta"}
    sound = b"".join(base64.b64decode(e["audio"]) for e in events[:-1])
    assert sound[44:] == pcm(synth(spoken_voice, speaker="george"))
    assert events[-1]["type"] == "speech.audio.done"
    usage = {"input_tokens": 15, "output_tokens": len(sound), "total_tokens": 15 + len(sound)}
    assert events[-1]["usage"] == usage


def test_events_tell_when_words_are_spoken_before_they_are_heard(
    server: str, spoken_voice: SpeakingVoice
) -> None:
    body = {"input": TEXT, "stream_format": "sse", "timestamps": True, "response_format": "pcm"}
    parts = post(server, body | {"sample_rate": 8000}).text.strip().split("\n\n")
    events = [json.loads(part.removeprefix("data: ")) for part in parts]
    table = timing(spoken_voice, plan(spoken_voice, Request(text=TEXT))).table()
    told = [e for e in events if e["type"] == "speech.audio.timing"]
    assert len(told) == 2
    for tier in ("words", "phones"):
        assert [i for e in told for i in e[tier]] == table[tier]
    heard = 0
    for event in events:
        if event["type"] == "speech.audio.delta":
            heard += len(base64.b64decode(event["audio"])) // 2
        elif event in told:
            assert heard <= 8000 * event["words"][0]["start"]


def test_requests_at_once_sound_as_alone(server: str, spoken_voice: SpeakingVoice) -> None:
    asked = [(f"{word} nine. Two.", n % 3) for n, word in enumerate(["one", "six", "ten"] * 4)]

    async def ask() -> list[bytes]:
        async with openai.AsyncOpenAI(base_url=f"{server}/v1", api_key="none") as c:
            answers = await asyncio.gather(
                *(
                    c.audio.speech.create(
                        model="tiny",
                        voice="tiny",
                        input=text,
                        response_format="wav",
                        extra_body={"seed": seed},
                    )
                    for text, seed in asked
                )
            )
        return [a.content for a in answers]

    for (text, seed), content in zip(asked, asyncio.run(ask()), strict=True):
        assert content[44:] == pcm(synth(spoken_voice, text, seed=seed)), text


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "not valid JSON"),
        (b"[1]", 400, "must be a JSON object"),
        (b"[" * 2000, 400, "not valid JSON"),
        ({}, 400, "input must be a string"),
        ({"input": 5}, 400, "input must be a string"),
        ({"input": " "}, 400, "the text is empty"),
        ({"input": "!"}, 400, "no words to speak"),
        ({"input": "a" * 201}, 400, "takes 200 at most"),
        ({"input": "a" * 20000}, 413, "larger than 6,496 bytes"),
        ({"input": "one", "voice": "zork"}, 400, "choose from tiny, tiny/george"),
        ({"input": "one", "voice": "/etc/passwd"}, 400, "no voice or speaker '/etc/passwd'"),
        ({"input": "one", "voice": ["theo"]}, 400, "voice must be a string"),
        ({"input": "one", "voice": "theo:x,lucas:1"}, 400, "must be a number"),
        ({"input": "one", "speed": 5}, 400, "from 0.25 to 4"),
        ({"input": "one", "speed": True}, 400, "speed must be a number"),
        ({"input": "one", "response_format": "zip"}, 400, "mp3, opus, aac, flac, wav, pcm"),
        ({"input": "one", "response_format": []}, 400, "response_format must be"),
        ({"input": "one", "stream_format": "x"}, 400, "audio or sse"),
        ({"input": "one", "timestamps": True}, 400, "need stream_format sse"),
        ({"input": "one", "sample_rate": 9999}, 400, "mp3 can't hold 9999 Hz"),
        ({"input": "one", "temperature": -1}, 400, "temperature must be a number from 0"),
        ({"input": "one", "ssml": "yes"}, 400, "ssml must be true or false"),
        ({"input": "one", "seed": 1.5}, 400, "seed must be a whole number"),
        ({"input": "one", "max_seconds": 601}, 400, "can't be more than 600"),
        ({"input": "one", "max_seconds": 0.1}, 400, "more than --max-seconds"),
        ({"input": "one", "lexicon": "/etc/passwd"}, 400, "unknown field 'lexicon'"),
        ({"input": "one", "language": "../../x"}, 400, "language must be a code"),
        ({"input": "one", "language": "qq"}, 400, "does not know the language"),
    ],
    ids=str,
)
def test_what_can_not_be_done_is_one_clear_error(
    server: str, body: bytes | dict[str, Any], status: int, message: str
) -> None:
    answer = post(server, body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert message in error["message"]
    assert "Traceback" not in answer.text
    assert error["type"] == "invalid_request_error"


def test_other_methods_are_answered_as_http_has_it(server: str) -> None:
    for path, allowed in (("/v1/audio/speech", {"POST"}), ("/v1/models", {"GET", "HEAD"})):
        answer = httpx2.request("DELETE", server + path)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == allowed
        assert answer.json()["error"]["message"] == f"DELETE {path}: Method Not Allowed"
    for path in ("/", "/health", "/v1/models", "/v1/audio/voices", "/metrics"):
        shown, head = httpx2.get(server + path), httpx2.head(server + path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == shown.headers["content-type"]


def test_pages_elsewhere_can_not_ask_without_permission(server: str, serve: Any) -> None:
    body = {"input": "one"}
    assert post(server, body, **{"content-type": "text/plain"}).status_code == 415
    origin = "https://example.org"
    asked = {"origin": origin, "access-control-request-method": "POST"}
    speak = "/v1/audio/speech"
    assert httpx2.options(server + speak, headers=asked).status_code == 405
    assert "access-control-allow-origin" not in post(server, body, origin=origin).headers
    opened = serve(origins=[origin], api_key="secret")
    allowed = httpx2.options(opened + speak, headers=asked)
    assert allowed.headers["access-control-allow-origin"] == origin
    refused = httpx2.options(opened + speak, headers=asked | {"origin": "https://evil.example"})
    assert refused.status_code == 400


def test_a_page_whose_name_is_made_to_lead_here_can_not_ask(
    server: str, serve: Callable[..., str]
) -> None:
    port = server.rpartition(":")[2]

    def status(address: str, host: str) -> int:
        return httpx2.get(f"{address}/v1/models", headers={"host": host}).status_code

    for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "[", "x]:1"):
        assert status(server, host) == 403
    for host in ("localhost", f"LocalHost:{port}", "a.localhost", "127.0.0.1", f"[::1]:{port}"):
        assert status(server, host) == 200
    opened = serve(origins=["https://example.org"])
    assert [status(opened, h) for h in ("example.org", "evil.example")] == [200, 403]
    secret = {"host": "speech.example", "authorization": "Bearer secret"}
    address = serve(api_key="secret")
    assert httpx2.get(f"{address}/v1/models", headers=secret).status_code == 200


def test_a_key_is_asked_for_everywhere_but_at_the_door(serve: Callable[..., str]) -> None:
    address = serve(api_key="sécret")
    for path in ("/v1/models", "/v1/audio/voices", "/metrics", "/nothing"):
        assert httpx2.get(address + path).status_code == 401
    assert httpx2.get(f"{address}/health").json()["status"] == "ok"
    with pytest.raises(openai.AuthenticationError, match="wrong API key"):
        client(address).models.list()
    bearer = "Bearer sécret".encode()
    assert httpx2.get(f"{address}/v1/models", headers={"authorization": bearer}).status_code == 200


def test_beyond_the_queue_a_client_is_told_when_to_come_again(
    serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()

    def held(voice: SpeakingVoice, request: Request) -> Iterator[Utterance]:
        assert go.wait(30)
        yield from plan(voice, request)

    monkeypatch.setattr(speech, "plan_in_turns", held)
    address = serve(Limits(concurrency=1, queue=1))
    answers: list[int] = []

    def ask() -> None:
        answers.append(post(address, {"input": "one"}).status_code)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for n, thread in enumerate(threads):
        thread.start()
        wait_for(address, ("wavegen_speaking 1", "wavegen_waiting 1")[n])
    with pytest.raises(openai.RateLimitError, match="too many requests") as raised:
        client(address).audio.speech.create(model="", voice="tiny", input="one")
    assert int(raised.value.response.headers["retry-after"]) >= 1
    go.set()
    for thread in threads:
        thread.join()
    assert answers == [200, 200]
    shown = httpx2.get(f"{address}/metrics").text
    assert 'wavegen_requests_total{interface="http",outcome="busy"} 1.0' in shown
    assert 'wavegen_requests_total{interface="http",outcome="spoken"} 2.0' in shown


def wait_for(address: str, line: str) -> None:
    """Until the server counts so."""
    deadline = time.monotonic() + 30
    while line not in httpx2.get(f"{address}/metrics").text:
        assert time.monotonic() < deadline, line
        time.sleep(0.01)


@pytest.mark.parametrize("when", ["before the first sound", "while it is sent"])
def test_a_client_that_leaves_frees_its_place(
    serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    begun, go = threading.Event(), threading.Event()

    def long(voice: SpeakingVoice, request: Request) -> Iterator[Utterance]:
        if request.text != "one":
            begun.set()
            assert when == "while it is sent" or go.wait(30)
            while not go.is_set():
                yield from plan(voice, request)
        yield from plan(voice, request)

    monkeypatch.setattr(speech, "plan_in_turns", long)
    address = serve(Limits(concurrency=1, queue=1))
    with httpx2.Client() as c:
        request = c.build_request(
            "POST",
            f"{address}/v1/audio/speech",
            json={"input": "two", "response_format": "wav"},
            timeout=0.5 if when == "before the first sound" else 30,
        )
        if when == "before the first sound":
            with pytest.raises(httpx2.ReadTimeout):
                c.send(request, stream=True)
        else:
            response = c.send(request, stream=True)
            next(response.iter_raw())
            response.close()
    assert begun.is_set()
    wait_for(address, 'outcome="left"} 1.0')
    wait_for(address, "wavegen_speaking 0")
    go.set()
    assert post(address, {"input": "one"}).status_code == 200


def test_a_text_that_gets_too_long_breaks_off_where_it_is_known(
    server: str, spoken_voice: SpeakingVoice
) -> None:
    text = f"{TEXT} Four."
    first, second, _ = plan(spoken_voice, Request(text=text))
    limit = (first.samples + first.pause + second.samples) / spoken_voice.sample_rate + 0.1
    body = {"input": text, "max_seconds": limit, "response_format": "wav"}
    with pytest.raises(httpx2.RemoteProtocolError, match="incomplete"):
        post(server, body)
    events = post(server, body | {"stream_format": "sse"}).text.strip().split("\n\n")
    assert json.loads(events[-1].removeprefix("data: "))["type"] == "error"


def test_models_are_the_voices_and_voices_their_speakers(server: str) -> None:
    models = client(server).models
    assert [m.id for m in models.list()] == ["tiny", "other"]
    assert models.retrieve("other").owned_by == "wavegen"
    with pytest.raises(openai.NotFoundError, match="no model 'zork'"):
        models.retrieve("zork")
    rows = httpx2.get(f"{server}/v1/audio/voices").json()["voices"]
    assert len(rows) == 12
    assert rows[6] == {
        "id": "other/ann",
        "name": "ann",
        "voice": "other",
        "language": "en-us",
        "sample_rate": 8000,
        "speaker": "ann",
    }
    assert np.all([row["id"] == f"{row['voice']}/{row['name']}" for row in rows])
