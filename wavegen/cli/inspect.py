"""`wavegen inspect`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wavegen.cli import show
from wavegen.cli.folder import CACHE_HELP, LAYOUT_HELP, open_folder, read_settings, show_dataset

if TYPE_CHECKING:
    from wavegen.data.dataset import Dataset

QUIET_DB = -60.0
"""A clip whose loudest sample is below this is as good as silent."""


def inspect(
    audio_dir: Path = typer.Argument(..., help="Folder of recordings, searched at any depth."),
    out: Path | None = typer.Option(
        None, "-o", "--out", help="Folder for plots (PNG) of durations, levels and speakers."
    ),
    force: bool = typer.Option(False, "--force", help="Replace plots that exist."),
    recipe: str | None = typer.Option(None, help="The recipe to train with: a name or TOML file."),
    layout: str | None = typer.Option(None, help=LAYOUT_HELP),
    settings: list[str] = typer.Option(
        [], "--set", metavar="SECTION.KEY=VALUE", help="Override one field of the recipe."
    ),
    cache_dir: Path | None = typer.Option(None, help=CACHE_HELP),
) -> None:
    """Show all that training would see of a folder of audio."""
    config = read_settings(recipe, layout, settings)
    from wavegen.report.clip_plots import check_plots, plot_dataset

    if out is not None:
        check_plots(out, force)
    dataset = open_folder(audio_dir, config, cache_dir, allow_bad=True, f0=False)
    show_dataset(dataset, config, show.out, most=None)
    rate = config.audio.sample_rate
    _show_ranges(dataset, rate)
    if dataset.speakers:
        _show_speakers(dataset, rate)
    if out is not None:
        for path in plot_dataset(dataset, rate, out):
            show.err.print(f"wrote {path}", soft_wrap=True)


def _show_ranges(dataset: Dataset, rate: int) -> None:
    """How long and how loud the clips are, with the file at each end."""
    import numpy as np
    from rich.table import Table

    paths = list(dataset.clips)
    rms, peak = dataset.levels()
    rows = {
        "seconds": np.array([dataset.entry(p).samples / rate for p in paths]),
        "RMS, dB": rms,
        "peak, dB": peak,
    }
    table = Table("", "least", "5 %", "median", "95 %", "most", box=None)
    for end in ("least in", "most in"):
        table.add_column(end, overflow="fold")
    for name, values in rows.items():
        numbers = [f"{v:.2f}" for v in np.percentile(values, (0, 5, 50, 95, 100))]
        table.add_row(name, *numbers, paths[values.argmin()], paths[values.argmax()])
    show.out.print(table)
    for p, level in zip(paths, peak, strict=True):
        if level < QUIET_DB:
            show.warn(f"{p} is all but silent: its peak is {level:.0f} dB", show.out)


def _show_speakers(dataset: Dataset, rate: int) -> None:
    from rich.table import Table

    clips = Counter(c.speaker for c in dataset.clips.values())
    parts = {
        part: Counter(dataset.clips[p].speaker for p in paths)
        for part, paths in dataset.split.items()
    }
    table = Table("speaker", "minutes", "clips", *parts, box=None)
    for name, seconds in dataset.seconds(rate).items():
        counts = [f"{n[name]:,}" for n in (clips, *parts.values())]
        table.add_row(name, f"{seconds / 60:.1f}", *counts)
    show.out.print(table)
