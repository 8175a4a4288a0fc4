"""`wavegen score`."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from wavegen.cli import show


def score(
    files: list[Path] = typer.Argument(..., metavar="FILE...", help="Recordings."),
    voice: str = typer.Option("digits", help="A bundled voice's name, or a voice file."),
    speaker: str | None = typer.Option(None, "--speaker", "-s", help="Speaker, by name or id."),
    text: str | None = typer.Option(None, "--text", "-t", help="What is said in the recordings."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a line."),
) -> None:
    """Bits per sample of recordings under a voice: the fewer, the likelier."""
    from rich.table import Table

    from wavegen.score import mean_bits, score_file
    from wavegen.voice import load_voice

    loaded = load_voice(voice)
    scores = []
    for file in files:
        scores.append(score_file(loaded, file, speaker, text))
        if as_json:
            s = scores[-1]
            typer.echo(
                json.dumps(
                    {
                        "file": str(file),
                        "bits_per_sample": s.bits_per_sample,
                        "samples": s.samples,
                        "seconds": s.seconds,
                    },
                    ensure_ascii=False,
                )
            )
    if not as_json:
        table = Table("file", "bits/sample", "seconds", box=None, pad_edge=False)
        for file, s in zip(files, scores, strict=True):
            table.add_row(str(file), f"{s.bits_per_sample:.4f}", f"{s.seconds:.2f}")
        mean = f"{mean_bits(scores):.4f}"
        table.add_row("mean", mean, f"{sum(s.seconds for s in scores):.2f}", style="bold")
        show.out.print(table)
        show.out.print(f"of {loaded.model.output.unit} samples at {loaded.sample_rate} Hz")
