"""`wavegen continue`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.cli.drawing import draw_all
from wavegen.errors import WavegenError
from wavegen.request import Finish, Request


@o.expanded
def continue_(
    *,
    prompt: Annotated[Path, typer.Argument(help="A recording.")],
    request: Request,
    prompt_text: Annotated[
        str | None,
        typer.Option(help="What the recording says, for a voice conditioned on phonemes."),
    ] = None,
    variants: Annotated[
        int, typer.Option(min=1, max=1000, help="Number of takes, with seeds from --seed on.")
    ] = 1,
    output: o.Folder = Path(),
    form: o.Format = "wav",
    finish: Finish,
    engine: o.EngineName = None,
    precision: o.Precision = None,
    device: o.Device = "auto",
    force: o.Force = False,
) -> None:
    """Continue a recording. Each file, PROMPT-1.wav and so on, is the recording and what follows.

    --text says what follows, or --seconds how long it is if the voice was trained without texts. A
    voice of a discrete code goes on from the recording's codes, if it has a network of codes.
    """
    import numpy as np

    from wavegen.audio.writing import SUFFIXES, check_finish, write_audio
    from wavegen.files import check_output, check_output_folder, make_folder
    from wavegen.library import find_voice
    from wavegen.synth import another_take, plan_continuation

    if not prompt.is_file():
        raise WavegenError(f"no recording {prompt}")
    check_output_folder(output)
    voice, _ = find_voice(request.voice, request.speaker, request.speaker_path)
    check_finish(f".{form}", finish.rate(voice.sample_rate), finish)
    first = plan_continuation(voice, prompt, request, prompt_text)
    assert first.prompt is not None
    make_folder(output)
    files = [output / f"{prompt.stem}-{n + 1}.{form}" for n in range(variants)]
    for file in files:
        check_output(file, force, SUFFIXES)
    seeds = [(request.seed or 0) + n for n in range(1, variants)]
    takes = [first, *(another_take(voice, first, seed) for seed in seeds)]
    audios, speed = draw_all(voice, takes, engine, precision, device)
    before = len(first.prompt) / voice.sample_rate
    for file, audio in zip(files, audios, strict=True):
        joined = np.concatenate([first.prompt, audio])
        write_audio(file, joined, voice.sample_rate, finish, replace=force)
        added = len(audio) / voice.sample_rate
        show.out.print(f"{file}: {added:.2f} s after {before:.2f} s", soft_wrap=True)
    show.err.print(f"voice {voice.name}, {speed:.2f} x real time", soft_wrap=True)
