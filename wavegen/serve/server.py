"""Run a server until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette

from wavegen.errors import WavegenError
from wavegen.serve.app import make_app
from wavegen.serve.speech import Speech

log = logging.getLogger(__name__)
DRAIN_SECONDS = 60
"""For requests in progress once it is told to stop."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; on any free port for 0.

    Raises:
        WavegenError: it can't be had.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, OverflowError) as e:
        reason = getattr(e, "strerror", None) or e
        raise WavegenError(f"can't listen on {host}, port {port}: {reason}") from e


def parse_wyoming(uri: str) -> tuple[str, int]:
    """Host and port of ``tcp://HOST:PORT``; raises `WavegenError` for anything else."""
    try:
        parts = urlsplit(uri)
        if parts.scheme == "tcp" and parts.hostname and parts.port is not None:
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise WavegenError(f"--wyoming {uri}: give tcp://HOST:PORT, such as tcp://127.0.0.1:10200")


def make_server(
    speech: Speech,
    api_key: str | None = None,
    origins: Sequence[str] = (),
    wyoming: socket.socket | None = None,
    ready: Callable[[], None] = lambda: None,
) -> uvicorn.Server:
    """A server of HTTP and, on a socket of its own, of Wyoming.

    Args:
        speech: that it serves.
        api_key: as in `make_app`.
        origins: as in `make_app`.
        wyoming: from `listen`, for that protocol.
        ready: called once requests are answered.
    """

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        dropping = asyncio.create_task(_drop_silent(server, speech.limits.timeout))
        try:
            if wyoming is None:
                ready()
                yield
                return
            from wavegen.serve.wyoming import Server

            other = Server(speech)
            await other.start(wyoming)
            ready()
            yield
            await other.stop(DRAIN_SECONDS)
        finally:
            dropping.cancel()

    config = uvicorn.Config(
        make_app(speech, api_key, origins, life),
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = uvicorn.Server(config)
    return server


async def _drop_silent(server: uvicorn.Server, seconds: float) -> None:
    """Drop connections without a request, or that are closed but whose client does not take the
    rest: after so many seconds, or a quarter more. uvicorn waits for both without end."""
    since: dict[tuple[Any, Any], float] = {}
    while True:
        await asyncio.sleep(seconds / 4)
        now = time.monotonic()
        silent: list[tuple[Any, Any]] = []
        for connection in server.server_state.connections:
            request = getattr(connection, "cycle", connection)
            done = request is None or getattr(request, "response_complete", False)
            if done or connection.transport.is_closing():
                silent.append((connection, request))
        since = {found: since.get(found, now) for found in silent}
        for (connection, _), begun in since.items():
            if now - begun >= seconds:
                connection.transport.abort()


def serve(speech: Speech, server: uvicorn.Server, http: socket.socket) -> None:
    """Answer requests until SIGINT or SIGTERM, and then those in progress; the signal is raised
    again at the end.

    Args:
        speech: closed at the end.
        server: of it.
        http: from `listen`.
    """
    try:
        server.run(sockets=[http])
    finally:
        speech.close()
