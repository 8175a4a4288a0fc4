"""`wavegen prepare`."""

from __future__ import annotations

import signal
from pathlib import Path

import typer

from wavegen.cli import show
from wavegen.cli.folder import CACHE_HELP, LAYOUT_HELP, open_folder, read_settings, show_dataset
from wavegen.errors import DataError


def prepare(
    audio_dir: Path | None = typer.Argument(
        None, help="Folder of recordings, searched at any depth."
    ),
    recipe: str | None = typer.Option(None, help="The recipe to train with: a name or TOML file."),
    layout: str | None = typer.Option(None, help=LAYOUT_HELP),
    settings: list[str] = typer.Option(
        [], "--set", metavar="SECTION.KEY=VALUE", help="Override one field of the recipe."
    ),
    cache_dir: Path | None = typer.Option(None, help=CACHE_HELP),
    clear: bool = typer.Option(
        False, "--clear", help="Remove all prepared audio from the cache folder, nothing else."
    ),
) -> None:
    """Decode a folder of audio into the cache, so that training starts at once.

    What was stopped, in any way, goes on where it was when the same command is given again.
    """
    if clear:
        if audio_dir is not None:
            raise DataError("--clear empties the whole cache; give no AUDIO_DIR with it")
        from wavegen.data.prepare import clear as clear_cache

        count, size = clear_cache(cache_dir)
        sets = "1 prepared data set" if count == 1 else f"{count} prepared data sets"
        show.err.print(f"removed {sets}, {size / 1e6:,.1f} MB")
        return
    if audio_dir is None:
        raise DataError("give AUDIO_DIR, the folder of recordings to prepare, or --clear")
    config = read_settings(recipe, layout, settings)
    old = signal.signal(signal.SIGTERM, _terminate)
    try:
        dataset = open_folder(audio_dir, config, cache_dir, allow_bad=True)
    except KeyboardInterrupt:
        show.err.print("stopped; the same command goes on from here")
        raise
    finally:
        signal.signal(signal.SIGTERM, old)
    show_dataset(dataset, config)


def _terminate(number: int, frame: object) -> None:
    """As Ctrl-C ends it: what is decoded is kept."""
    show.err.print("stopped; the same command goes on from here")
    raise typer.Exit(128 + number)
