"""`wavegen enroll`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavegen.cli import folder, show
from wavegen.cli import options as o
from wavegen.errors import WavegenError


def enroll(
    recordings: Annotated[
        list[Path],
        typer.Argument(
            help="Recordings of one speaker, half a minute in all: files, each with its text in a "
            ".txt file beside it, or a folder of any layout."
        ),
    ],
    voice: Annotated[
        str,
        typer.Option(
            "--voice", "-v", "--model", "-m", help="The voice: a bundled one's name or a file."
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="What the new speaker is called.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Voice file to write: .safetensors.")
    ],
    licence: Annotated[
        str,
        typer.Option(
            "--licence",
            help="Licence of the recordings or the speaker's consent, kept in the voice file.",
        ),
    ] = "",
    layout: folder.Layout = None,
    language: Annotated[
        str | None, typer.Option("--language", help="Language of the texts (default: the voice's).")
    ] = None,
    force: o.Force = False,
) -> None:
    """Add a speaker to a voice from half a minute of recordings, in a minute and without training.

    Only the speaker's embeddings are found. With texts they are those of all parts of the voice;
    without texts only the WaveNet's is: copies of recordings gain, and what is spoken has the mean
    rhythm, melody and spectrum of the voice's speakers. Enrol only your own voice, or that of
    someone who has agreed to it.
    """
    from wavegen.files import check_output

    check_output(output, force, [".safetensors"])
    from wavegen.library import load_voice
    from wavegen.training.enroll import enroll as enrolled
    from wavegen.training.enroll import read_samples

    config = folder.read_settings(None, layout, None)
    known = load_voice(voice)
    language = language or known.config.data.language
    data = config.replace("data", language=language).data
    samples = read_samples(known, recordings, data)
    with show.phases() as progress:
        new = enrolled(known, name, samples, licence, progress)
    try:
        new.save(output)
    except OSError as e:
        raise WavegenError(f"can't write {output}: {e.strerror or e}") from e
    how = new.config.data.speaker[-1].description
    show.err.print(f"{output}: voice {known.name} and speaker {name}, {how}", soft_wrap=True)
