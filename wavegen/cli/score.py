"""`wavegen score`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.cli.tables import print_table
from wavegen.config import WeightPrecision
from wavegen.errors import DataError, counted
from wavegen.request import Request

if TYPE_CHECKING:
    from wavegen.score import Score
    from wavegen.voice import Voice

GIVEN = {
    "none": "",
    "spectrogram": ", given its own spectrogram: what is said costs nothing (see --text)",
    "text": ", given the text, and the timing, F0 and loudness of the recording",
}
"""What a voice was told, by `Score.features`."""


@o.expanded
def score(
    *,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings.")],
    request: Annotated[Request, o.Only("voice", "speaker")],
    text: Annotated[
        str | None, typer.Option("--text", "-t", help="What is said in the recordings.")
    ] = None,
    precision: Annotated[
        WeightPrecision, typer.Option(help="Round as the engines do in this precision.")
    ] = "f32",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object per line.")] = False,
) -> None:
    """Bits per sample of recordings under a voice: the fewer, the likelier.

    With --text the voice expects what the text lets expect, and a wrong text or speaker costs bits;
    without, it is told each recording's own spectrogram.
    """
    from wavegen.generation.rounding import rounded
    from wavegen.library import find_voice
    from wavegen.score import score_file

    voice, _ = find_voice(request.voice, request.speaker)
    if precision != "f32":
        voice.model = rounded(voice.model, precision)
    scores: dict[Path, Score] = {}
    failed = 0
    with show.progress_bar("scoring", "files") as bar:
        for done, file in enumerate(files, 1):
            try:
                s = scores[file] = score_file(voice, file, request.speaker, text)
            except DataError as e:
                if len(files) == 1:
                    raise
                show.warn(str(e))
                failed += 1
                continue
            bar(done, len(files))
            if as_json:
                row = {
                    "file": str(file),
                    "bits_per_sample": s.bits_per_sample,
                    "features": s.features,
                    "network_bits_per_sample": s.network_bits_per_sample,
                    "network_sample": voice.unit,
                    "samples": s.samples,
                    "seconds": s.seconds,
                }
                show.out.print(json.dumps(row, ensure_ascii=False), soft_wrap=True)
    if scores and not as_json:
        _table(voice, scores)
    if failed:
        show.failure(f"{failed} of {counted(len(files), 'file')} could not be scored")
        raise typer.Exit(1)


def _table(voice: Voice, scores: dict[Path, Score]) -> None:
    from wavegen.score import mean_bits

    rows = [(str(f), f"{s.bits_per_sample:.4f}", f"{s.seconds:.2f}") for f, s in scores.items()]
    total = list(scores.values())
    seconds = sum(s.seconds for s in total)
    rows.append(("mean", f"{mean_bits(total):.4f}", f"{seconds:.2f}"))
    print_table(("file", "bits/sample", "seconds"), rows)
    given = GIVEN[total[0].features]
    show.out.print(f"of 16-bit sound at {voice.sample_rate} Hz{given}", soft_wrap=True)
