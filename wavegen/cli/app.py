"""The Typer application. Commands import torch only when they run, so `--help` is quick."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import wavegen
from wavegen.cli import (
    align,
    anomalies,
    bench,
    classify,
    compress,
    continue_,
    convert,
    decode,
    decompress,
    encode,
    enroll,
    info,
    inspect,
    prepare,
    read,
    render,
    report,
    score,
    serve,
    show,
    synth,
    train,
    vocode,
    voices,
)
from wavegen.errors import WavegenError


class _Group(TyperGroup):
    """The commands, each with the group's --quiet as an option of its own."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        quiet = next(p for p in self.params if p.name == "quiet")
        for command in self.commands.values():
            command.params.append(quiet)


app = typer.Typer(
    cls=_Group,
    name="wavegen",
    help="Audio synthesis with WaveNet: train on a folder of audio, speak from text.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # `main` prints one line, or all of it with --debug
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda name: name.replace("_", "-"),  # --length_scale as well
    },
)
app.command("synth")(synth.synth)
app.command("render")(render.render)
app.command("serve")(serve.serve)
app.command("read")(read.read)
app.command("vocode")(vocode.vocode)
app.command("convert")(convert.convert)
app.command("encode")(encode.encode)
app.command("decode")(decode.decode)
app.command("continue")(continue_.continue_)
app.command("train")(train.train)
app.command("enroll")(enroll.enroll)
app.command("prepare")(prepare.prepare)
app.command("inspect")(inspect.inspect)
app.command("align")(align.align)
app.command("voices")(voices.voices)
app.command("info")(info.info)
app.command("score")(score.score)
app.command("classify")(classify.classify)
app.command("anomalies")(anomalies.anomalies)
app.command("compress")(compress.compress)
app.command("decompress")(decompress.decompress)
app.command("report")(report.report)
app.command("bench")(bench.bench)

_debug = False


def _version(value: bool) -> None:
    if value:
        typer.echo(f"wavegen {wavegen.__version__}")
        raise typer.Exit


def _quiet(context: typer.Context, value: bool) -> None:
    # Asked of the group first, and then of the command.
    show.set_quiet(value or (context.parent is not None and show.err.quiet))


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            callback=_quiet,
            expose_value=False,
            help="Print results, warnings and errors only: no progress, no notes.",
        ),
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    global _debug
    _debug = debug
    log = logging.getLogger("wavegen")
    log.setLevel(logging.INFO)
    log.handlers = [show.Notes()]


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit code 2."""
    try:
        app()
    except WavegenError as e:
        _fail(str(e), 2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as e:
        _fail(f"unexpected {type(e).__name__}: {e} (wavegen --debug … shows where)", 1)


def script(function: Callable[..., None]) -> None:
    """Run a function as a command, such as those of recipes/, with errors as in `main`."""
    try:
        typer.run(function)
    except WavegenError as e:
        _fail(str(e), 2)


def _fail(message: str, code: int) -> None:
    if _debug:
        raise
    show.error(" ".join(message.split()))
    sys.exit(code)
