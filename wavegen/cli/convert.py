"""`wavegen convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.cli.drawing import draw_all
from wavegen.request import Finish, Request


@o.expanded
def convert(
    *,
    file: Annotated[Path, typer.Argument(help="A recording of anybody.")],
    request: Annotated[
        Request,
        o.Only(
            "voice", "speaker", "text", "pitch_shift", "seed", "temperature", "language", "lexicon"
        ),
    ],
    keep_pitch: Annotated[
        bool,
        typer.Option("--keep-pitch", help="Leave the pitch in the range that it has."),
    ] = False,
    output: o.Output = Path("output.wav"),
    finish: Finish,
    engine: o.EngineName = None,
    precision: o.Precision = None,
    device: o.Device = "auto",
    force: o.Force = False,
) -> None:
    """Say what a recording says in a voice, with its timing and melody, in the speaker's range.

    --text is what the recording says. A voice without a content model or a code to hear it needs
    it; one with a content model says it more clearly with it, and one with a code leaves it aside.
    """
    from wavegen.audio.writing import SUFFIXES, check_finish, write_audio
    from wavegen.files import check_output

    check_output(output, force, SUFFIXES)
    from wavegen.conversion import plan_conversion
    from wavegen.library import find_voice

    voice, _ = find_voice(request.voice, request.speaker, mel=True)
    check_finish(output.suffix, finish.rate(voice.sample_rate), finish)
    utterance = plan_conversion(voice, file, request, keep_pitch)
    [audio], speed = draw_all(voice, [utterance], engine, precision, device)
    write_audio(output, audio, voice.sample_rate, finish, replace=force)
    length, label = len(audio) / voice.sample_rate, utterance.speaker.label
    speaker = f", speaker {label}" if label else ""
    show.err.print(
        f"{output}: {length:.2f} s, voice {voice.name}{speaker}, {speed:.2f} x real time",
        soft_wrap=True,
    )
