"""The server's addresses over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

import wavegen
from wavegen.errors import WavegenError
from wavegen.serve import openai
from wavegen.serve.http import HostCheck, KeyCheck, on_error
from wavegen.serve.speech import Speech

BYTES_PER_CHARACTER = 12
"""In JSON, at most: two \\uXXXX."""
OTHER_BYTES = 4096
"""Of a body, beside its text."""

PAGE = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
"""Files beside this one, and their types."""
SAFE = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; media-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def make_app(
    speech: Speech,
    api_key: str | None = None,
    origins: Sequence[str] = (),
    lifespan: Lifespan[Starlette] | None = None,
) -> Starlette:
    """An ASGI application.

    Args:
        speech: that it serves.
        api_key: that requests must bring.
        origins: of pages elsewhere that may use it; ``*`` is any.
        lifespan: see Starlette's.
    """
    middleware = []
    if origins:
        headers = ["authorization", "content-type"]
        methods = ["GET", "POST"]
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=[*origins],
                allow_methods=methods,
                allow_headers=headers,
                expose_headers=["x-sample-rate", "retry-after"],
            )
        )
    if api_key:
        middleware.append(Middleware(KeyCheck, key=api_key))
    elif "*" not in origins:
        names = {urlsplit(origin).hostname or "" for origin in origins}
        middleware.append(Middleware(HostCheck, names=names))
    app = Starlette(
        routes=[
            Route("/v1/audio/speech", openai.create_speech, methods=["POST"]),
            Route("/v1/audio/voices", openai.list_voices),
            Route("/v1/models", openai.list_models),
            Route("/v1/models/{name}", openai.get_model),
            Route("/health", health),
            Route("/metrics", metrics),
            *(Route(path, _page(*about)) for path, about in PAGE.items()),
        ],
        middleware=middleware,
        lifespan=lifespan,
    )
    for kind in (HTTPException, ClientDisconnect, WavegenError, Exception):
        app.add_exception_handler(kind, on_error)
    app.state.speech = speech
    app.state.max_body = OTHER_BYTES + BYTES_PER_CHARACTER * speech.limits.max_chars
    return app


async def health(http: HttpRequest) -> Response:
    """``GET /health``."""
    return JSONResponse({"status": "ok", "version": wavegen.__version__})


async def metrics(http: HttpRequest) -> Response:
    """``GET /metrics``, for Prometheus."""
    speech: Speech = http.app.state.speech
    return Response(speech.metrics.text(), media_type="text/plain; version=0.0.4")


def _page(name: str, media: str) -> Callable[[HttpRequest], Response]:
    """The endpoint of a part of the page."""
    content = Path(__file__).with_name(name).read_bytes()
    return lambda http: Response(content, media_type=media, headers=SAFE)
