"""`wavegen info`."""

from __future__ import annotations

import typer

from wavegen.cli import show


def info(
    voice: str = typer.Argument(..., help="A bundled voice's name, or a voice file."),
) -> None:
    """Show all that a voice file holds."""
    from rich.table import Table

    from wavegen.library import load_voice
    from wavegen.recipe import to_dict

    v = load_voice(voice)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")

    def row(name: str, value: object) -> None:
        table.add_row(name, str(value))

    row("voice", v.name)
    row("sample rate", f"{v.sample_rate} Hz")
    row("parameters", f"{v.model.parameter_count:,}")
    row("receptive field", show.timescales(v.config))
    row("speakers", ", ".join(f"{i} {s}" for i, s in enumerate(v.speakers)) or "none")
    row("phonemes", " ".join(v.symbols) or "none (no text)")
    shown = ", ".join(v.words[:20]) + (" …" if len(v.words) > 20 else "")
    row("words heard", f"{len(v.words)}: {shown}" if v.words else "none")
    for name, value in v.training.items():
        if name.endswith("_bits"):
            row(name.replace("_", " "), f"{value:.4f} per sample ({v.unit})")
        elif name != "unit":
            row(name.replace("_", " "), value or "not given")
    for section, values in to_dict(v.config).items():
        for key, value in values.items():
            if (section, key) not in {("data", "licence"), ("data", "attribution")}:
                row(f"{section}.{key}", value)
    show.out.print(table)
