"""`wavegen compress`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavegen.cli import completion, show
from wavegen.cli import options as o

Compressor = Annotated[
    str,
    typer.Option(
        "--voice",
        "-v",
        help="A voice file from wavegen train --recipe compression.",
        autocompletion=completion.voices,
    ),
]


def compress(
    file: Annotated[Path, typer.Argument(help="A 16-bit recording, mono or stereo.")],
    voice: Compressor,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .wvg.")],
    force: o.Force = False,
) -> None:
    """Compress a recording without loss, by a voice trained on its kind of sound.

    The samples come back to the bit with the same voice file, by wavegen decompress; what else the
    file holds, such as tags, is not kept.
    """
    import time

    from wavegen.compression.codec import check_voice, read_pcm
    from wavegen.compression.codec import compress as compressed
    from wavegen.compression.container import SUFFIX
    from wavegen.files import check_output, write_file
    from wavegen.library import load_voice

    check_output(output, force, [SUFFIX])
    found = load_voice(voice)
    check_voice(found)
    pcm = read_pcm(file)
    began = time.monotonic()
    with show.progress_bar("compressing", "samples") as bar:
        data = compressed(found, pcm, str(file), bar).to_bytes()
    took = time.monotonic() - began
    write_file(output, data, replace=force)
    size = max(pcm.samples.size, 1)
    seconds = len(pcm.samples) / pcm.sample_rate
    show.out.print(
        f"{output}: {8 * len(data) / size:.2f} bits per sample, {len(data) / (2 * size):.1%} of 16 "
        f"bits, {seconds / took:.2f} x real time",
        soft_wrap=True,
    )
