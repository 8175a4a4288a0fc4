"""`wavegen score`."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.config import WeightPrecision
from wavegen.errors import DataError


def score(
    files: list[Path] = typer.Argument(..., metavar="FILE...", help="Recordings."),
    voice: o.VoiceName = None,
    speaker: o.Speaker = None,
    text: str | None = typer.Option(None, "--text", "-t", help="What is said in the recordings."),
    precision: WeightPrecision = typer.Option(
        "f32", help="Round the weights first, as the numba engine does."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a line."),
) -> None:
    """Bits per sample of recordings under a voice: the fewer, the likelier."""
    from rich.table import Table

    from wavegen.generation.numba.packing import rounded
    from wavegen.library import find_voice
    from wavegen.score import Score, mean_bits, score_file

    loaded = find_voice(voice, speaker)
    if precision != "f32":
        loaded.model = rounded(loaded.model, precision)
    scores: dict[Path, Score] = {}
    failed = 0
    with show.progress_bar("scoring", "files") as bar:
        for done, file in enumerate(files, 1):
            try:
                s = scores[file] = score_file(loaded, file, speaker, text)
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
                    "samples": s.samples,
                    "seconds": s.seconds,
                }
                show.out.print(json.dumps(row, ensure_ascii=False), soft_wrap=True)
    if scores and not as_json:
        table = Table("file", "bits/sample", "seconds", box=None, pad_edge=False)
        for file, s in scores.items():
            table.add_row(str(file), f"{s.bits_per_sample:.4f}", f"{s.seconds:.2f}")
        total = list(scores.values())
        seconds = f"{sum(s.seconds for s in total):.2f}"
        table.add_row("mean", f"{mean_bits(total):.4f}", seconds, style="bold")
        show.out.print(table)
        show.out.print(f"of {loaded.unit} samples at {loaded.sample_rate} Hz")
    if failed:
        show.failure(f"{failed} of {len(files)} files could not be scored")
        raise typer.Exit(1)
