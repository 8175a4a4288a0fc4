"""The part of OpenAI's API that speaks: requests and answers have the names and shapes of its
reference (https://platform.openai.com/docs/api-reference/audio/createSpeech)."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Message, Send

from wavegen.audio.streaming import StreamFormat, check_stream, encode_stream, stream_rate
from wavegen.audio.writing import finish_stream
from wavegen.errors import WavegenError
from wavegen.request import Finish, Request
from wavegen.serve.http import Gone, or_gone, read_json
from wavegen.serve.speech import Speech
from wavegen.serve.voices import infos
from wavegen.timing import Timing, timing
from wavegen.utterance import Audio, Utterance
from wavegen.voice import SpeakingVoice

log = logging.getLogger(__name__)
MEDIA: dict[StreamFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
PCM_RATE = 24000
"""Hz of bare samples, which programs take for granted."""
SLOWEST, FASTEST = 0.25, 4.0


@dataclass(frozen=True)
class Order:
    """What the body of a request asks for."""

    voice: SpeakingVoice
    request: Request
    form: StreamFormat
    finish: Finish
    sse: bool
    timings: deque[Timing] | None
    """Of the sentences that have begun and of which the client has yet to be told, if it asked."""

    @property
    def rate(self) -> int:
        """Hz of what is sent."""
        return self.finish.rate(self.voice.sample_rate)

    def encode(self, sound: Iterator[Audio]) -> Iterator[bytes]:
        """The bytes of the sound, without empty ones."""
        finished = finish_stream(sound, self.voice.sample_rate, self.finish)
        return filter(None, encode_stream(finished, self.form, self.rate))

    def begin(self) -> Callable[[Utterance], None]:
        """What must be called with each sentence as it begins."""
        begun = 0

        def told(u: Utterance) -> None:
            nonlocal begun
            if self.timings is not None:
                self.timings.append(timing(self.voice, [u], begun))
            begun += u.samples + u.pause

        return told


def read_order(speech: Speech, body: dict[str, Any]) -> Order:
    """Check a body.

    Raises:
        WavegenError: a field is missing, unknown or of a wrong value.
    """
    body = dict(body)
    text, model, voice = (body.pop(name, None) for name in ("input", "model", "voice"))
    if isinstance(voice, dict):
        voice = voice.get("id")
    if not isinstance(text, str):
        raise WavegenError("input must be a string: what to say")
    for name, value in (("model", model), ("voice", voice)):
        if not isinstance(value, str | None):
            raise WavegenError(f"{name} must be a string")
    form: Any = body.pop("response_format", "mp3")
    if form not in [*MEDIA]:
        raise WavegenError(f"response_format must be one of {', '.join(MEDIA)}")
    check_stream(form)
    stream = body.pop("stream_format", "audio")
    if stream not in ("audio", "sse"):
        raise WavegenError("stream_format must be audio or sse")
    timestamps = body.pop("timestamps", False)
    if not isinstance(timestamps, bool) or (timestamps and stream != "sse"):
        raise WavegenError("timestamps must be true or false, and need stream_format sse")
    body.pop("instructions", None)  # nothing here follows any
    found, speaker = speech.voices.find(voice or None, model)
    speed = body.pop("speed", None)
    if speed is not None:
        if isinstance(speed, bool) or not isinstance(speed, int | float):
            raise WavegenError("speed must be a number")
        if not SLOWEST <= speed <= FASTEST:
            raise WavegenError(f"speed must be a number from {SLOWEST} to {FASTEST}")
        body.setdefault("length_scale", speech.base.length_scale / speed)
    rate = body.pop("sample_rate", None)
    if rate is None:
        rate = PCM_RATE if form == "pcm" else stream_rate(form, found.sample_rate)
    finish = Finish(sample_rate=rate)
    if stream_rate(form, finish.rate(0)) != finish.rate(0):
        raise WavegenError(f"sample_rate: {form} can't hold {rate} Hz")
    request = speech.request(text, speaker, **body)
    found.who(request.speaker, request.speaker_path)
    return Order(found, request, form, finish, stream == "sse", deque() if timestamps else None)


async def create_speech(http: HttpRequest) -> Response:
    """``POST /v1/audio/speech``."""
    speech: Speech = http.app.state.speech
    timeout = speech.limits.timeout
    body = await read_json(http, http.app.state.max_body, timeout)
    order = read_order(speech, body)
    sound = speech.speak(order.voice, order.request, "http", order.encode, order.begin())
    try:
        first = await or_gone(http, anext(sound, b""))
    except BaseException:
        await sound.aclose()
        raise
    if isinstance(first, Gone):
        await sound.aclose()
        return Response(status_code=499)
    headers = {"x-sample-rate": str(order.rate), "cache-control": "no-store"}
    media = "text/event-stream" if order.sse else MEDIA[order.form]
    chunks = _events(order, first, sound) if order.sse else _chain(first, sound)
    return _Sound(chunks, timeout, media_type=media, headers=headers)


class _Sound(StreamingResponse):
    """Closes its iterator when the client leaves or takes nothing for so many seconds, and ends the
    connection when it fails."""

    def __init__(self, chunks: AsyncGenerator[bytes, None], seconds: float, **how: Any) -> None:
        super().__init__(chunks, **how)
        self._seconds = seconds

    async def stream_response(self, send: Send) -> None:
        async def limited(message: Message) -> None:
            async with asyncio.timeout(self._seconds):
                await send(message)

        async with aclosing(self.body_iterator):  # type: ignore[type-var]
            try:
                await super().stream_response(limited)
            except Exception as e:
                # The client learns it from the missing end of the stream.
                log.error(f"a request ended early: {type(e).__name__}: {e}")


async def _chain(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for data in rest:
            yield data


async def _events(
    order: Order, first: bytes, rest: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    """Server-sent events as OpenAI has them; tokens are characters and bytes. The times of each
    sentence come before its sound, in events of our own."""
    sent, timings = 0, order.timings
    try:
        async with aclosing(_chain(first, rest)) as chunks:
            async for data in chunks:
                while timings:
                    yield _event({"type": "speech.audio.timing", **timings.popleft().table()})
                sent += len(data)
                audio = base64.b64encode(data).decode()
                yield _event({"type": "speech.audio.delta", "audio": audio})
    except WavegenError as e:
        yield _event({"type": "error", "error": {"message": str(e), "code": None}})
        return
    count = {"input_tokens": len(order.request.text or ""), "output_tokens": sent}
    usage = {**count, "total_tokens": sum(count.values())}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(event: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()


async def list_models(http: HttpRequest) -> Response:
    """``GET /v1/models``: the voices."""
    speech: Speech = http.app.state.speech
    return JSONResponse({"object": "list", "data": [_model(name) for name in speech.voices.all]})


async def get_model(http: HttpRequest) -> Response:
    """``GET /v1/models/NAME``."""
    speech: Speech = http.app.state.speech
    name = http.path_params["name"]
    if name not in speech.voices.all:
        raise HTTPException(404, f"no model '{name[:80]}'")
    return JSONResponse(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "wavegen"}


async def list_voices(http: HttpRequest) -> Response:
    """``GET /v1/audio/voices``: each voice, and each speaker of those that have several."""
    speech: Speech = http.app.state.speech
    rows: list[dict[str, Any]] = []
    for voice in speech.voices.all.values():
        about = {
            "voice": voice.name,
            "language": voice.config.data.language,
            "sample_rate": voice.sample_rate,
        }
        speakers = infos(voice)
        if len(speakers) < 2:
            rows.append({"id": voice.name, "name": voice.name, **about, "speaker": None})
        rows += [
            {"id": f"{voice.name}/{s.name}", "name": s.name, **about, "speaker": s.name}
            for s in speakers
            if len(speakers) > 1
        ]
    return JSONResponse({"voices": rows})
