"""`wavegen vocode`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show


def vocode(
    file: Annotated[Path, typer.Argument(help="A recording.")],
    speaker: o.Speaker = None,
    voice: Annotated[
        str | None,
        typer.Option(
            "--voice",
            "-v",
            "--model",
            "-m",
            help="A mel voice: bundled, by name, or a file (default: the first bundled one).",
        ),
    ] = None,
    output: o.Output = Path("output.wav"),
    seed: o.Seed = 0,
    temperature: o.Temperature = 1.0,
    sample_rate: o.SampleRate = None,
    bits: o.BitDepth = "16",
    volume: o.Volume = 1.0,
    normalize: o.Normalize = None,
    fade: o.Fade = 0.005,
    engine: o.EngineName = None,
    precision: o.Precision = None,
    force: o.Force = False,
) -> None:
    """Say a recording again: its mel spectrogram and F0 to sound, by a voice."""
    from wavegen.audio.writing import SUFFIXES, check_finish, write_audio
    from wavegen.files import check_output

    check_output(output, force, SUFFIXES)
    from wavegen.library import find_voice
    from wavegen.synth import plan_copy, synthesize

    chosen = find_voice(voice, speaker, mel=True)
    finish = o.finish(sample_rate, volume, normalize, fade, bits)
    check_finish(output.suffix, finish.rate(chosen.sample_rate), finish)
    who = 0 if speaker is None else chosen.speaker_id(speaker)
    utterance = plan_copy(chosen, file, who)
    with show.progress_bar("speaking", "samples") as bar:
        start = time.perf_counter()
        [audio] = synthesize(chosen, [utterance], seed, temperature, engine, precision, bar)
    took = time.perf_counter() - start
    write_audio(output, audio, chosen.sample_rate, finish)
    length = utterance.samples / chosen.sample_rate
    show.err.print(
        f"{output}: {length:.2f} s, voice {chosen.name}, {length / took:.2f} x real time",
        soft_wrap=True,
    )
