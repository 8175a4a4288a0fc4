"""`wavegen encode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavegen.cli import completion, show
from wavegen.cli import options as o

CodeVoice = Annotated[
    str,
    typer.Option(
        "--voice",
        "-v",
        help="A voice file from wavegen train --recipe latents.",
        autocompletion=completion.voices,
    ),
]


def encode(
    file: Annotated[Path, typer.Argument(help="A recording of anybody.")],
    voice: CodeVoice,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .npz.")],
    force: o.Force = False,
) -> None:
    """Turn a recording into the codes of a voice with latent features: what is said, and F0."""
    from wavegen.files import check_output
    from wavegen.library import load_latent_voice
    from wavegen.recording import read_recording

    check_output(output, force, [".npz"])
    found = load_latent_voice(voice)
    codes = found.encode_recording(read_recording(found, file), file.name)
    codes.save(output, replace=force)
    seconds = codes.samples / found.sample_rate
    c, (said, pitch) = found.config.conditioning, found.bits_per_second
    f0 = f" of what is said, and {pitch:.0f} of F0" if c.f0 else ""
    each = f" in each of {c.codebooks} books" if c.codebooks > 1 else ""
    show.out.print(
        f"{output}: {seconds:.2f} s, {c.code_rate} codes a second{each}: "
        f"{said:.0f} bits per second{f0}",
        soft_wrap=True,
    )
