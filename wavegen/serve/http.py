"""What all of the server's pages and interfaces share over HTTP."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import socket
from collections.abc import Awaitable, Collection
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from wavegen.errors import WavegenError
from wavegen.serve.speech import BusyError

T = TypeVar("T")
OPEN = ("/", "/page.js", "/page.css", "/health")
"""Paths that need no key."""


def error(status: int, message: str, **headers: str) -> JSONResponse:
    """An error in the shape of OpenAI's."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    about = {"message": message, "type": kind, "param": None, "code": None}
    return JSONResponse({"error": about}, status, headers=headers)


async def on_error(http: HttpRequest, e: Exception) -> Response:
    """The answer to a request that raised an error."""
    if isinstance(e, BusyError):
        return error(429, str(e), **{"retry-after": str(e.seconds)})
    if isinstance(e, ClientDisconnect):
        return Response(status_code=499)  # which nobody reads
    if isinstance(e, HTTPException):
        said = e.detail
        if said == HTTPStatus(e.status_code).phrase:
            said = f"{http.method} {http.url.path[:80]}: {said}"
        return error(e.status_code, said, **(e.headers or {}))
    if isinstance(e, WavegenError):
        return error(400, str(e))
    return error(500, "something went wrong here; the server's log tells more")


def is_local(host: str) -> bool:
    """Whether only programs on this machine reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class KeyCheck:
    """Lets requests pass that bring the key, if there is one."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app, self._expected = app, f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN:
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                wrong = error(401, "wrong API key", **{"www-authenticate": "Bearer"})
                await wrong(scope, receive, send)
                return
        await self._app(scope, receive, send)


class HostCheck:
    """Refuses what comes from this machine to a name that isn't its own: a page elsewhere may have
    its name lead here (DNS rebinding), and then passes for the server's own.

    Args:
        app: what it stands before.
        names: other names that may be used.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app, self._names = app, {"localhost", socket.gethostname().lower(), *names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_local((scope["server"] or [""])[0]):
            asked = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            if asked and not self._known(asked):
                about = f"'{asked[:80]}' is no name of this server; --cors or a key lets it be used"
                await error(403, about)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _known(self, asked: str) -> bool:
        try:
            name = urlsplit(f"//{asked}").hostname or ""
        except ValueError:
            return False
        return name in self._names or name.endswith(".localhost") or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def read_json(http: HttpRequest, most: int, seconds: float) -> dict[str, Any]:
    """The JSON object in a body of at most so many bytes, which comes in so many seconds.

    Raises:
        HTTPException: it is larger or slower, or not an object.
    """
    # A page elsewhere can't send this type without being asked for permission.
    if http.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "the body must be JSON, sent as application/json")
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in http.stream():
                body += chunk
                if len(body) > most:
                    raise HTTPException(413, f"the body is larger than {most:,} bytes")
    except TimeoutError:
        raise HTTPException(408, f"the body has not come in {seconds:g} s") from None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not valid JSON") from None
    if not isinstance(found, dict):
        raise HTTPException(400, "the body must be a JSON object")
    return found


class Gone:
    """The client has left."""


async def or_gone(http: HttpRequest, result: Awaitable[T]) -> T | Gone:
    """Wait for a result, or until the client leaves; its body has been read."""

    async def left() -> None:
        while (await http.receive())["type"] != "http.disconnect":
            pass

    waiting, leaving = asyncio.ensure_future(result), asyncio.ensure_future(left())
    try:
        await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else Gone()
    finally:
        for task in (waiting, leaving):
            task.cancel()
        await asyncio.gather(waiting, leaving, return_exceptions=True)
