"""Options that several commands share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import typer

from wavegen.cli.completion import speakers, voices
from wavegen.config import Engine, WeightPrecision
from wavegen.request import Finish, Option, Request, options

EngineName = Annotated[
    Engine | None,
    typer.Option(
        help="How to draw samples (default: numba on a CPU, triton on a GPU; naive is slow, the "
        "reference)."
    ),
]
Precision = Annotated[
    WeightPrecision | None,
    typer.Option(
        help="Precision of the products: f32, bf16, int8 in the numba engine (default: int8, but "
        "bf16 on Arm), f32, f16 in triton (default: f16)."
    ),
]
Device = Annotated[
    str,
    typer.Option(
        help="auto, cpu, cuda or cuda:N. auto: a GPU, if there is one, for two utterances and more."
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", "--output-file", help="File to write: .wav, .flac, .ogg, .mp3 or .aiff."
    ),
]
Folder = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder to write the clips into.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing output file.")]
Format = Annotated[
    Literal["wav", "flac", "ogg", "mp3", "aiff"],
    typer.Option("--format", help="Format of files without a suffix of their own."),
]

COMPLETED: dict[str, Callable[..., Any]] = {"voice": voices, "speaker": speakers}
"""What the shell offers for a field of a request."""


class Only:
    """Annotates the `Request` of a command that has options for these fields alone."""

    def __init__(self, *names: str) -> None:
        self.names = names


def without(*names: str) -> Only:
    """Annotates the `Request` of a command that has options for all fields but these."""
    return Only(*(name for name in options(Request) if name not in names))


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """A command with an option for each field of its `Request` and `Finish`.

    It is called with the dataclasses made of the options, whose values are checked first. A field
    that is not among those of an `Only` keeps its default.
    """
    hints = get_type_hints(command, include_extras=True)
    expand: dict[str, tuple[type, tuple[str, ...]]] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        hint = hints[parameter.name]
        cls, *marks = get_args(hint) or (hint,)
        if cls in (Request, Finish):
            only = [name for m in marks if isinstance(m, Only) for name in m.names]
            expand[parameter.name] = cls, tuple(only or options(cls))
            parameters += (_parameter(options(cls)[name]) for name in only or options(cls))
        else:
            parameters.append(parameter.replace(annotation=hint))

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, (cls, fields) in expand.items():
            given = {f: options(cls)[f].check(values.pop(f), _flag(f)) for f in fields}
            values[name] = cls(**given)
        command(**values)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _parameter(option: Option) -> inspect.Parameter:
    text = option.help
    if option.range and abs(option.low) + abs(option.high) < float("inf"):
        text = f"{text.removesuffix('.')}; {option.range}."
    made = typer.Option(
        _flag(option.name),
        *option.flags,
        help=text,
        metavar=option.metavar,
        autocompletion=COMPLETED.get(option.name),
    )
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=option.default,
        annotation=Annotated[option.hint, made],
    )
