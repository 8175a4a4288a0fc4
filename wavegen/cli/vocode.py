"""`wavegen vocode`."""

from __future__ import annotations

import time
from pathlib import Path

import typer

from wavegen.cli import show
from wavegen.config import Engine, WeightPrecision


def vocode(
    file: Path = typer.Argument(..., help="A recording."),
    voice: str | None = typer.Option(
        None, help="A mel voice: bundled, by name, or a file (default: the first bundled one)."
    ),
    speaker: str | None = typer.Option(None, "--speaker", "-s", help="Speaker, by name or id."),
    output: Path = typer.Option(Path("output.wav"), "--output", "-o", help="File to write."),
    seed: int = typer.Option(0, help="Another seed gives another take."),
    temperature: float = typer.Option(1.0, min=0.0, help="Below 1: less variation."),
    engine: Engine | None = typer.Option(None, help="How to draw samples."),
    precision: WeightPrecision | None = typer.Option(None, help="Of the weights, in numba."),
    force: bool = typer.Option(False, "--force", help="Replace an existing output file."),
) -> None:
    """Say a recording again: its mel spectrogram and F0 to sound, by a voice."""
    from wavegen.audio import check_output, write_audio

    check_output(output, force)
    from wavegen.synth import plan_copy, synthesize
    from wavegen.voice import find_voice

    chosen = find_voice(voice, speaker, mel=True)
    who = 0 if speaker is None else chosen.speaker_id(speaker)
    utterance = plan_copy(chosen, file, who)
    with show.progress_bar("speaking", "samples") as bar:
        start = time.perf_counter()
        [audio] = synthesize(chosen, [utterance], seed, temperature, engine, precision, bar)
    took = time.perf_counter() - start
    write_audio(output, audio, chosen.sample_rate)
    length = utterance.samples / chosen.sample_rate
    show.err.print(
        f"{output}: {length:.2f} s, voice {chosen.name}, {length / took:.2f} x real time",
        soft_wrap=True,
    )
