"""`wavegen serve`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from wavegen.cli import completion, show
from wavegen.cli import options as o
from wavegen.config import Engine, WeightPrecision
from wavegen.errors import WavegenError
from wavegen.request import Request

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from wavegen.serve.speech import Limits, Speech


NOT_FOR_ALL = ("text", "ssml", "voice", "speaker", "speaker_path", "seconds")
"""What each request says by itself."""


@o.expanded
def serve(
    *,
    voice: Annotated[
        list[str] | None,
        typer.Option(
            "--voice",
            "-v",
            "--model",
            "-m",
            help="A bundled voice's name, or a voice file; may be given several times, the default "
            "first (default: the bundled ones that speak texts).",
            autocompletion=completion.voices,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 is all of this machine's.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 8000,
    wyoming: Annotated[
        str | None,
        typer.Option(
            help="Speak the Wyoming protocol, too, for Home Assistant: tcp://127.0.0.1:10200.",
            metavar="URI",
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="WAVEGEN_API_KEY",
            help="What clients must send as a bearer token. On the command line others can see it.",
        ),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(
            help="Origin of web pages elsewhere that may use the server, such as "
            "https://example.org, or *; may be given several times.",
            metavar="ORIGIN",
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(help="Requests that are spoken at the same time.", min=1, max=4096)
    ] = 64,
    queue: Annotated[
        int, typer.Option(help="Requests that wait; more are sent away (429).", min=0, max=65536)
    ] = 64,
    max_chars: Annotated[
        int, typer.Option(help="Characters of one text, at most.", min=1, max=1_000_000)
    ] = 4096,
    timeout: Annotated[
        float,
        typer.Option(
            help="Seconds after which a client is dropped that sends nothing, or takes no sound.",
            min=1.0,
            max=86400.0,
        ),
    ] = 60.0,
    request: Annotated[Request, o.without(*NOT_FOR_ALL)],
    engine: o.EngineName = None,
    precision: o.Precision = None,
    device: o.Device = "auto",
    print_unit: Annotated[
        bool,
        typer.Option(
            "--print-unit", help="Print a systemd unit that runs this command, and do nothing else."
        ),
    ] = False,
) -> None:
    """Serve voices over HTTP, as programs for OpenAI's speech API expect it.

    Options of speaking are defaults, which a request may change; it can't go beyond --max-seconds.
    """
    try:
        from wavegen.serve.http import is_local
        from wavegen.serve.server import (
            DRAIN_SECONDS,
            listen,
            make_server,
            parse_wyoming,
            serve,
        )
        from wavegen.serve.speech import Limits
        from wavegen.serve.unit import unit
    except ImportError as e:
        raise WavegenError(f"serving needs {e.name}: pip install 'wavegen[server]'") from e

    if print_unit:
        arguments = [a for a in sys.argv[2:] if a.replace("_", "-") != "--print-unit"]
        typer.echo(unit(arguments, DRAIN_SECONDS), nl=False)
        return
    if not (api_key or is_local(host)):
        show.warn(f"anyone who reaches {host} can use this server: --api-key sets a key")
    with ExitStack() as stack:
        other = None
        if wyoming is not None:
            place = parse_wyoming(wyoming)
            if not is_local(place[0]):
                show.warn(f"anyone who reaches {wyoming} can use it: Wyoming knows no keys")
            other = stack.enter_context(listen(*place))
        http = stack.enter_context(listen(host, port))
        limits = Limits(concurrency, queue, max_chars, timeout)
        speech = _speech(voice or (), request, limits, engine, precision, device)
        shown = [f"http://{_shown(http)}"] + [f"tcp://{_shown(s)}" for s in (other,) if s]

        def ready() -> None:
            show.err.print(f"{' and '.join(shown)} (Ctrl-C stops)", soft_wrap=True)

        server = make_server(speech, api_key, cors or (), other, ready)
        serve(speech, server, http)


def _shown(listening: socket.socket) -> str:
    """HOST:PORT of a socket."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _speech(
    names: Sequence[str],
    request: Request,
    limits: Limits,
    engine: Engine | None,
    precision: WeightPrecision | None,
    device: str,
) -> Speech:
    """Load voices, and have them ready to speak."""
    from wavegen.generation import choose_device
    from wavegen.serve.speech import Speech
    from wavegen.serve.voices import Voices

    place = choose_device(device, 2, engine, precision)
    voices = Voices.load(names)
    for voice in voices.all.values():
        voice.to(place)
    speech = Speech(voices, request, limits, engine, precision)
    speech.warm_up()
    return speech
