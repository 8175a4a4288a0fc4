"""Options of the commands that open a folder of audio, and what they print of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from wavegen.cli import completion, show
from wavegen.cli.tables import Cell, listed, print_facts
from wavegen.config import Config
from wavegen.errors import counted
from wavegen.recipe import find_recipe, load_config, read_config

if TYPE_CHECKING:
    from wavegen.data.dataset import Dataset

AudioDir = Annotated[Path, typer.Argument(help="Folder of recordings, searched at any depth.")]
Recipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        help="The recipe to train with: a name or a TOML file.",
        autocompletion=completion.recipes,
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        help="How files name speakers and texts: auto, flat, folders, pattern, ljspeech, table, "
        "vctk, librispeech or sidecar.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override one field of the recipe."),
]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir", help="Folder of prepared audio (default: in the user's cache folder)."
    ),
]
AllowBad = Annotated[
    bool,
    typer.Option("--allow-bad", help="Continue even if over a tenth of the files are unusable."),
]


def read_settings(recipe: str | None, layout: str | None, settings: Sequence[str] | None) -> Config:
    """The configuration that ``--recipe``, ``--layout`` and ``--set`` describe.

    Raises:
        ConfigError: there is no such recipe, or something in it is wrong.
    """
    settings = list(settings or ())
    if layout is not None:
        settings.append(f"data.layout={layout}")
    if recipe is None:
        return load_config({}, "settings", settings)
    return read_config(find_recipe(recipe), settings)


def open_folder(
    root: Path,
    config: Config,
    cache: Path | None,
    allow_bad: bool,
    f0: bool = True,
    transcripts: bool = False,
) -> Dataset:
    """`open_dataset` with progress bars."""
    from wavegen.data.dataset import open_dataset

    with show.phases() as progress:
        return open_dataset(root, config, cache, allow_bad, f0, transcripts, progress)


def length(seconds: float) -> str:
    """Seconds as hours or minutes."""
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def _speakers(seconds: dict[str, float], most: int | None) -> Cell:
    """The minutes of every speaker; where there are many, of three of them."""
    if most is None or len(seconds) <= most:
        parts = [f"{name} {s / 60:.1f} min" for name, s in seconds.items()]
    else:
        ranked = sorted(seconds.items(), key=lambda item: item[1])
        picked = {"least": ranked[0], "median": ranked[len(ranked) // 2], "most": ranked[-1]}
        parts = [f"{what} {s / 60:.1f} min ({name})" for what, (name, s) in picked.items()]
    return [f"{len(seconds):,}:", *listed(parts)]


def show_dataset(
    dataset: Dataset, config: Config, console: Console = show.err, most: int | None = 20
) -> None:
    """Print what was found in a folder, with up to ``most`` warnings of each sort."""
    from wavegen.data.folder import counted_kinds
    from wavegen.data.pieces import source

    rate = config.audio.sample_rate
    seconds = dataset.seconds(rate)
    total = sum(seconds.values())
    files = len(dataset.clips) + len(dataset.left_out)
    words = {w for u in dataset.units.values() for w in u.words}
    text = [counted(len(dataset.units), "clip"), counted(len(words), "different word")]
    facts: list[tuple[str, Cell]] = [
        ("folder", f"{dataset.root} (layout {dataset.layout})"),
        ("files", f"{files:,}, {len(dataset.left_out):,} left out"),
        ("audio", f"{length(total)} at {rate} Hz"),
        *(("format", f"{name}: {n:,}") for name, n in dataset.sources().most_common()),
        ("speakers", _speakers(seconds, most) if dataset.speakers else "none found"),
        ("text", listed(text) if dataset.units else "none found"),
        *([("other files", listed(counted_kinds(dataset.others)))] if dataset.others else []),
        ("split", listed([f"{len(paths):,} {part}" for part, paths in dataset.split.items()])),
    ]
    print_facts(facts, console)
    read = {source(p): dataset.entry(p) for p in dataset.clips}  # one of a file's pieces
    trimmed = sum(e.trimmed for e in read.values())
    if trimmed:
        console.print(f"trimmed {trimmed:.1f} s of silence ({trimmed / (total + trimmed):.1%})")

    def warn(message: str) -> None:
        # Among results it is one of them; among notes it outlasts --quiet.
        show.warn(message, *([show.out] if console is show.out else []))

    clipped = [
        f"{path}: {counted(e.clipped, 'sample')} beyond ±1 clipped"
        for path, e in read.items()
        if e.clipped
    ]
    for messages in (
        dataset.notes,
        clipped,
        [f"left out {path}: {why}" for path, why in dataset.left_out],
    ):
        for message in messages[:most]:
            warn(message)
        if most is not None and len(messages) > most:
            warn(f"… and {counted(len(messages) - most, 'more file')} like this")
    if not dataset.split["validation"]:
        warn("no clip is held out for validation: over-fitting will go unseen")
    elif only := dataset.never_held_out():
        names = ", ".join(only[:most]) + (" …" if most and len(only) > most else "")
        warn(f"no clip is held out of {counted(len(only), 'speaker')} with a single one: {names}")
