"""`wavegen inspect`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wavegen.cli import folder, show
from wavegen.cli.tables import print_table

if TYPE_CHECKING:
    from wavegen.data.dataset import Dataset

QUIET_DB = -60.0
"""A clip whose loudest sample is below this counts as silent."""


def inspect(
    audio_dir: folder.AudioDir,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder for plots (PNG) of durations, levels and speakers."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing plots.")] = False,
    recipe: folder.Recipe = None,
    layout: folder.Layout = None,
    settings: folder.Settings = None,
    cache_dir: folder.CacheDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, with each clip by itself.")
    ] = False,
) -> None:
    """Show everything that training would see of a folder of audio."""
    config = folder.read_settings(recipe, layout, settings)
    from wavegen.report.clip_plots import check_plots, plot_dataset

    if out is not None:
        check_plots(out, force)
    dataset = folder.open_folder(audio_dir, config, cache_dir, allow_bad=True, f0=False)
    rate = config.audio.sample_rate
    if as_json:
        typer.echo(json.dumps(_table(dataset, rate), ensure_ascii=False, indent=1))
    else:
        folder.show_dataset(dataset, config, show.out, most=None)
        _show_ranges(dataset, rate)
        if dataset.speakers:
            _show_speakers(dataset, rate)
    if out is not None:
        for path in plot_dataset(dataset, rate, out):
            show.err.print(f"wrote {path}", soft_wrap=True)


def _table(dataset: Dataset, rate: int) -> dict[str, Any]:
    """All that is found, as JSON has it; levels are in dBFS, and -120 dB is digital silence."""
    parts = {path: part for part, paths in dataset.split.items() for path in paths}
    clips = []
    for path, rms, peak in zip(dataset.clips, *dataset.levels(), strict=True):
        clip, entry = dataset.clips[path], dataset.entry(path)
        clips.append(
            {
                "path": path,
                "speaker": clip.speaker or None,
                "text": clip.text or None,
                "split": parts[path],
                "seconds": entry.samples / rate,
                "trimmed": entry.trimmed,
                "clipped": entry.clipped,
                "rms": round(float(rms), 2),
                "peak": round(float(peak), 2),
                "format": entry.format,
                "sample_rate": entry.source_rate,
                "channels": entry.channels,
            }
        )
    return {
        "folder": str(dataset.root),
        "layout": dataset.layout,
        "sample_rate": rate,
        "seconds": sum(dataset.seconds(rate).values()),
        "speakers": [*dataset.speakers],
        "clips": clips,
        "left_out": [{"path": path, "reason": why} for path, why in dataset.left_out],
        "others": dataset.others,
        "notes": dataset.notes,
    }


def _show_ranges(dataset: Dataset, rate: int) -> None:
    """How long and how loud the clips are, with the clip at each end."""
    import numpy as np

    paths = list(dataset.clips)
    rms, peak = dataset.levels()
    measures = {
        "seconds": np.array([dataset.entry(p).samples / rate for p in paths]),
        "RMS, dB": rms,
        "peak, dB": peak,
    }
    rows = []
    for name, values in measures.items():
        numbers = [f"{v:.2f}" for v in np.percentile(values, (0, 5, 50, 95, 100))]
        rows.append((name, *numbers, paths[values.argmin()], paths[values.argmax()]))
    header = ("of each clip", "least", "5 %", "median", "95 %", "most", "least in", "most in")
    show.out.print()
    print_table(header, rows)
    for p, level in zip(paths, peak, strict=True):
        if level < QUIET_DB:
            show.warn(f"{p} is all but silent: its peak is {level:.0f} dB", show.out)


def _show_speakers(dataset: Dataset, rate: int) -> None:
    clips = Counter(c.speaker for c in dataset.clips.values())
    parts = {
        part: Counter(dataset.clips[p].speaker for p in paths)
        for part, paths in dataset.split.items()
    }
    rows = [
        (name, f"{seconds / 60:.1f}", *(f"{n[name]:,}" for n in (clips, *parts.values())))
        for name, seconds in dataset.seconds(rate).items()
    ]
    show.out.print()
    print_table(("speaker", "minutes", "clips", *parts), rows)
