"""`wavegen vocode`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.cli.drawing import draw_all
from wavegen.request import Finish, Request


@o.expanded
def vocode(
    *,
    file: Annotated[Path, typer.Argument(help="A recording.")],
    request: Annotated[Request, o.Only("voice", "speaker", "speaker_path", "seed", "temperature")],
    output: o.Output = Path("output.wav"),
    finish: Finish,
    engine: o.EngineName = None,
    precision: o.Precision = None,
    device: o.Device = "auto",
    force: o.Force = False,
) -> None:
    """Copy a recording with a voice: its mel spectrogram, or its codes, and F0 to sound.

    Without --speaker, a voice with several speakers mixes them so that the recording is likeliest;
    one that speaks codes takes the first, as wavegen decode does.
    """
    from wavegen.audio.writing import SUFFIXES, check_finish, write_audio
    from wavegen.files import check_output

    check_output(output, force, SUFFIXES)
    from wavegen.latents import LatentVoice
    from wavegen.library import find_voice
    from wavegen.synth import plan_copy

    voice, _ = find_voice(request.voice, request.speaker, request.speaker_path, mel=True)
    check_finish(output.suffix, finish.rate(voice.sample_rate), finish)
    several = len(voice.speakers) > 1 and not isinstance(voice, LatentVoice)
    if (request.speaker, request.speaker_path) == (None, None) and several:
        from wavegen.training.likeness import mix_of_recording

        with show.progress_bar("choosing a mix of speakers") as bar:
            request = replace(request, speaker=mix_of_recording(voice, file, bar))  # type: ignore[arg-type]
    utterance = plan_copy(voice, file, request)
    [audio], speed = draw_all(voice, [utterance], engine, precision, device)
    write_audio(output, audio, voice.sample_rate, finish, replace=force)
    length = len(audio) / voice.sample_rate
    label = utterance.speaker.label
    speaker = f", speaker {label}" if label else ""
    show.err.print(
        f"{output}: {length:.2f} s, voice {voice.name}{speaker}, {speed:.2f} x real time",
        soft_wrap=True,
    )
