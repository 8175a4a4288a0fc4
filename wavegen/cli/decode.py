"""`wavegen decode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.cli.drawing import draw_all
from wavegen.cli.encode import CodeVoice
from wavegen.request import Finish, Request


@o.expanded
def decode(
    *,
    file: Annotated[Path, typer.Argument(help="A file from wavegen encode.")],
    voice: CodeVoice,
    request: Annotated[Request, o.Only("speaker", "speaker_path", "seed", "temperature")],
    output: o.Output = Path("output.wav"),
    finish: Finish,
    engine: o.EngineName = None,
    precision: o.Precision = None,
    device: o.Device = "auto",
    force: o.Force = False,
) -> None:
    """Speak the codes of a recording, by any speaker of the voice that has encoded it."""
    from wavegen.audio.writing import SUFFIXES, check_finish, write_audio
    from wavegen.files import check_output

    check_output(output, force, SUFFIXES)
    from wavegen.latents import read_codes
    from wavegen.library import load_latent_voice
    from wavegen.synth import plan_decoding

    found = load_latent_voice(voice)
    check_finish(output.suffix, finish.rate(found.sample_rate), finish)
    utterance = plan_decoding(found, read_codes(file, found), request)
    [audio], speed = draw_all(found, [utterance], engine, precision, device)
    write_audio(output, audio, found.sample_rate, finish, replace=force)
    length, label = len(audio) / found.sample_rate, utterance.speaker.label
    speaker = f", speaker {label}" if label else ""
    show.err.print(
        f"{output}: {length:.2f} s, voice {found.name}{speaker}, "
        f"{sum(found.bits_per_second):.0f} bits per second, {speed:.2f} x real time",
        soft_wrap=True,
    )
