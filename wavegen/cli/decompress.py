"""`wavegen decompress`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.cli.compress import Compressor
from wavegen.errors import DataError


def decompress(
    file: Annotated[Path, typer.Argument(help="A file from wavegen compress.")],
    voice: Compressor,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .wav or .flac.")],
    force: o.Force = False,
) -> None:
    """Bring back the recording that wavegen compress has compressed with the same voice."""
    import time

    from wavegen.audio.writing import encode_pcm
    from wavegen.compression.codec import decompress as decompressed
    from wavegen.compression.container import Compressed
    from wavegen.files import check_output, write_file
    from wavegen.library import load_voice

    check_output(output, force, [".wav", ".flac"])
    try:
        content = file.read_bytes()
    except OSError as e:
        raise DataError(f"can't read {file}: {e.strerror or e}") from e
    data = Compressed.from_bytes(content, str(file))
    found = load_voice(voice)
    began = time.monotonic()
    with show.progress_bar("decompressing", "samples") as bar:
        pcm = decompressed(found, data, str(file), bar)
    took = time.monotonic() - began
    write_file(output, encode_pcm(pcm.samples, output.suffix, pcm.sample_rate), replace=force)
    seconds = len(pcm.samples) / pcm.sample_rate
    show.out.print(f"{output}: {seconds:.2f} s, {seconds / took:.2f} x real time", soft_wrap=True)
