"""Spectrograms of several clips, one above the other on one scale of time and level.

    python recipes/plot_clips.py recording.flac copy.wav spoken.wav -o clips.png

Each is titled with its file's name. Frequencies run from 0 Hz to half the sample rate.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer
from matplotlib.figure import Figure
from matplotlib.image import imread
from PIL import Image

from wavegen.audio.reading import read_audio
from wavegen.cli.app import script
from wavegen.files import atomic_write, check_output
from wavegen.report.page_plots import spectrogram_png

COLOURS = 20
"""A small palette keeps the file small."""


def main(
    files: Annotated[list[Path], typer.Argument(help="Clips, from top to bottom.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="PNG to write.")],
    force: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
) -> None:
    """Draw spectrograms of clips into one picture."""
    check_output(output, force, (".png",))
    rate = min(soundfile.info(f).samplerate for f in files)
    clips = [read_audio(f, rate).audio for f in files]
    gain = 1 / max(max(float(np.abs(a).max()) for a in clips), 1e-4)
    longest = max(map(len, clips)) / rate
    figure = Figure(figsize=(8, 1.4 * len(files)), layout="constrained")
    rows = figure.subplots(len(files), squeeze=False)
    for file, audio, axes in zip(files, clips, rows[:, 0], strict=True):
        spectrogram = imread(io.BytesIO(spectrogram_png(gain * audio, rate)))
        axes.imshow(
            spectrogram,
            aspect="auto",
            interpolation="antialiased",
            extent=(0, len(audio) / rate, 0, rate / 2000),
        )
        axes.set(xlim=(0, longest), ylabel="kHz")
        axes.set_title(file.stem, loc="left", fontsize=9, pad=2)
        axes.label_outer()
        axes.set_facecolor("black")
    axes.set_xlabel("seconds")
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=80)
    picture = Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    with atomic_write(output) as beside:
        picture.save(beside, optimize=True)


if __name__ == "__main__":
    script(main)
