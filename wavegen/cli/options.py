"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wavegen.config import Bits, Engine, WeightPrecision
from wavegen.errors import WavegenError

if TYPE_CHECKING:
    from wavegen.audio.writing import Finish


def _finite(parameter: typer.CallbackParam, value: float | None) -> float | None:
    # NaN passes any range.
    if value is not None and not math.isfinite(value):
        raise WavegenError(f"{parameter.opts[0]} must be a finite number, not {value}")
    return value


Speaker = Annotated[
    str | None, typer.Option("--speaker", "-s", help="Speaker, by name or id.", metavar="NAME|ID")
]
VoiceName = Annotated[
    str | None,
    typer.Option(
        "--voice",
        "-v",
        "--model",
        "-m",
        help="A bundled voice's name, or a voice file (default: the first bundled voice, with "
        "--speaker the first that has it).",
    ),
]
Seed = Annotated[int, typer.Option(help="Another seed gives another take.")]
Temperature = Annotated[
    float, typer.Option(callback=_finite, min=0.0, help="Below 1: less variation.")
]
Language = Annotated[
    str | None,
    typer.Option(help="Read the text as this language of espeak-ng's (default: the voice's)."),
]
SentenceSilence = Annotated[
    float | None,
    typer.Option(
        callback=_finite,
        min=0.0,
        max=10.0,
        help="Seconds between sentences (default: the voice's own).",
    ),
]
LengthScale = Annotated[
    float, typer.Option(callback=_finite, min=0.1, max=10.0, help="Above 1 is slower.")
]
PitchShift = Annotated[
    float, typer.Option(callback=_finite, min=-24.0, max=24.0, help="Semitones.")
]
NoiseScale = Annotated[
    float,
    typer.Option(
        callback=_finite,
        min=0.0,
        max=2.0,
        help="How far lengths and melody stray from the likeliest.",
    ),
]
Seconds = Annotated[
    float | None,
    typer.Option(callback=_finite, min=0.001, help="Length, for a voice trained without texts."),
]
MaxSeconds = Annotated[
    float,
    typer.Option(
        callback=_finite, min=0.0, help="Refuse to speak, or let a clip go on, for longer."
    ),
]
EngineName = Annotated[
    Engine | None,
    typer.Option(
        help="How to draw samples (default: numba on a CPU; naive is slow, the reference)."
    ),
]
Precision = Annotated[
    WeightPrecision | None,
    typer.Option(help="Of the weights, in the numba engine (default: bf16)."),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", "--output-file", help="File to write: .wav, .flac, .ogg, .mp3 or .aiff."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing output file.")]
SampleRate = Annotated[
    int | None, typer.Option(min=1000, max=384000, help="Hz (default: the voice's own).")
]
Volume = Annotated[
    float, typer.Option(callback=_finite, min=0.0, max=100.0, help="Factor of the amplitude.")
]
Normalize = Annotated[
    float | None,
    typer.Option(
        callback=_finite,
        min=-70.0,
        max=0.0,
        help="Bring to this loudness in LUFS (ITU-R BS.1770), such as -23.",
        metavar="LUFS",
    ),
]
Fade = Annotated[
    float, typer.Option(callback=_finite, min=0.0, max=10.0, help="Seconds of fade at either end.")
]
Format = Annotated[
    Literal["wav", "flac", "ogg", "mp3", "aiff"],
    typer.Option("--format", help="Of files that are not named otherwise."),
]
BitDepth = Annotated[
    Bits, typer.Option("--bits", help="Of a sample, in WAV, AIFF and (16, 24) FLAC files.")
]


def finish(
    sample_rate: int | None, volume: float, normalize: float | None, fade: float, bits: Bits
) -> Finish:
    """The options of those names as one."""
    from wavegen.audio.writing import Finish

    return Finish(sample_rate, volume, normalize, fade, bits)
