"""`wavegen continue`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show


def continue_(
    prompt: Annotated[Path, typer.Argument(help="A recording.")],
    voice: o.VoiceName = None,
    speaker: o.Speaker = None,
    text: Annotated[
        str | None, typer.Option("--text", "-t", help="What follows, for a voice with texts.")
    ] = None,
    prompt_text: Annotated[
        str | None,
        typer.Option(help="What the recording says, for a voice conditioned on phonemes."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="Length of what follows, for a voice without texts (default: until it ends).",
        ),
    ] = None,
    variants: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 1,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for PROMPT-1.wav, PROMPT-2.wav, …")
    ] = Path(),
    form: o.Format = "wav",
    seed: o.Seed = 0,
    temperature: o.Temperature = 1.0,
    language: o.Language = None,
    length_scale: o.LengthScale = 1.0,
    pitch_shift: o.PitchShift = 0.0,
    noise_scale: o.NoiseScale = 0.0,
    max_seconds: o.MaxSeconds = 600.0,
    sample_rate: o.SampleRate = None,
    bits: o.BitDepth = "16",
    volume: o.Volume = 1.0,
    normalize: o.Normalize = None,
    fade: o.Fade = 0.005,
    engine: o.EngineName = None,
    precision: o.Precision = None,
    force: o.Force = False,
) -> None:
    """Go on from a recording: the recording and what follows, in one file for each variant."""
    import numpy as np

    from wavegen.audio.writing import SUFFIXES, check_finish, write_audio
    from wavegen.errors import WavegenError
    from wavegen.files import check_output
    from wavegen.library import find_voice
    from wavegen.synth import plan_continuation, synthesize
    from wavegen.voice import Style

    if not prompt.is_file():
        raise WavegenError(f"no recording {prompt}")
    chosen = find_voice(voice, speaker)
    who = 0 if speaker is None else chosen.speaker_id(speaker)
    style = Style(length_scale, pitch_shift, noise_scale, seed)
    utterance = plan_continuation(
        chosen, prompt, who, seconds, max_seconds, text, prompt_text, style, language
    )
    assert utterance.prompt is not None
    finish = o.finish(sample_rate, volume, normalize, fade, bits)
    check_finish(f".{form}", finish.rate(chosen.sample_rate), finish)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise WavegenError(f"can't write into {output}: {e.strerror or e}") from e
    files = [output / f"{prompt.stem}-{n + 1}.{form}" for n in range(variants)]
    for file in files:
        check_output(file, force, SUFFIXES)
    seeds = [seed + n for n in range(variants)]
    with show.progress_bar("going on", "samples") as bar:
        start = time.perf_counter()
        audios = synthesize(
            chosen, [utterance] * variants, seeds, temperature, engine, precision, bar
        )
    took = time.perf_counter() - start
    heard = len(utterance.prompt) / chosen.sample_rate
    for file, audio in zip(files, audios, strict=True):
        whole = np.concatenate([utterance.prompt.numpy(), audio])
        write_audio(file, whole, chosen.sample_rate, finish)
        added = len(audio) / chosen.sample_rate
        show.out.print(f"{file}: {added:.2f} s after {heard:.2f} s", soft_wrap=True)
    rate = sum(map(len, audios)) / chosen.sample_rate / took
    show.err.print(f"voice {chosen.name}, {rate:.2f} x real time", soft_wrap=True)
