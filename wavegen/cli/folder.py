"""What the commands that open a folder of audio ask and print alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from wavegen.cli import show
from wavegen.config import Config
from wavegen.recipe import find_recipe, load_config, read_config

if TYPE_CHECKING:
    from wavegen.data.dataset import Dataset

LAYOUT_HELP = (
    "How files name speakers and texts: auto, flat, folders, pattern, ljspeech, vctk or sidecar."
)
CACHE_HELP = "Where prepared audio is kept (default: the user's cache folder)."


def read_settings(recipe: str | None, layout: str | None, settings: list[str]) -> Config:
    """The configuration that ``--recipe``, ``--layout`` and ``--set`` tell.

    Raises:
        ConfigError: there is no such recipe, or something in it is wrong.
    """
    if layout is not None:
        settings = [*settings, f"data.layout={layout}"]
    if recipe is None:
        return load_config({}, "settings", settings)
    return read_config(find_recipe(recipe), settings)


def open_folder(
    root: Path, config: Config, cache: Path | None, allow_bad: bool, f0: bool = True
) -> Dataset:
    """`open_dataset` with a progress bar."""
    from wavegen.data.dataset import open_dataset

    with show.phases() as progress:
        return open_dataset(root, config, cache, allow_bad, f0, progress)


def length(seconds: float) -> str:
    """Seconds as hours or minutes."""
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def _speakers(seconds: dict[str, float], most: int | None) -> str:
    """Every speaker's share, or of many the extremes."""
    parts = [f"{n} {s / 60:.1f} min" for n, s in seconds.items()]
    if most is None or len(parts) <= most:
        return f"{len(parts)}: {', '.join(parts)}"
    ordered = sorted(seconds.items(), key=lambda item: item[1])
    chosen = zip(("least", "median", "most"), (0, len(ordered) // 2, -1), strict=True)
    shown = (f"{kind} {ordered[i][1] / 60:.1f} min ({ordered[i][0]})" for kind, i in chosen)
    return f"{len(parts)}: {', '.join(shown)}"


def show_dataset(
    dataset: Dataset, config: Config, console: Console = show.err, most: int | None = 20
) -> None:
    """What was found, before anything is made of it; up to ``most`` notes of each kind."""
    from rich.table import Table

    rate = config.audio.sample_rate
    seconds = dataset.seconds(rate)
    total = sum(seconds.values())
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("folder", f"{dataset.root} (layout {dataset.layout})")
    files = len(dataset.clips) + len(dataset.left_out)
    table.add_row("files", f"{files:,}, {len(dataset.left_out):,} left out")
    table.add_row("audio", f"{length(total)} at {rate} Hz")
    for kind, count in dataset.sources().most_common():
        table.add_row("format", f"{kind}: {count:,}")
    if dataset.speakers:
        table.add_row("speakers", _speakers(seconds, most))
    else:
        table.add_row("speakers", "none found")
    words = {w for u in dataset.units.values() for w in u.words}
    text = f"{len(dataset.units):,} clips, {len(words):,} different words"
    table.add_row("text", text if dataset.units else "none found")
    table.add_row("split", ", ".join(f"{len(v):,} {k}" for k, v in dataset.split.items()))
    console.print(table)
    entries = [dataset.entry(p) for p in dataset.clips]
    trimmed = sum(e.trimmed for e in entries)
    if trimmed:
        console.print(f"trimmed {trimmed:.1f} s of silence ({trimmed / (total + trimmed):.1%})")
    clipped = [
        f"{e.path}: {e.clipped} samples beyond ±1 were clipped" for e in entries if e.clipped
    ]
    for notes in (clipped, [f"left out {path}: {why}" for path, why in dataset.left_out]):
        for note in notes[:most]:
            show.warn(note, console)
        if most is not None and len(notes) > most:
            show.warn(f"… and {len(notes) - most} more files alike", console)
    if not dataset.split["validation"]:
        message = "no clip is held out for validation: over-fitting will go unseen"
        show.warn(message, console)
