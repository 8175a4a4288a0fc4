"""`wavegen prepare`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from wavegen.cli import folder, show
from wavegen.errors import DataError, counted

STOPPED = "stopped; run the same command again to continue"


def prepare(
    audio_dir: Annotated[
        Path | None, typer.Argument(help="Folder of recordings, searched at any depth.")
    ] = None,
    recipe: folder.Recipe = None,
    layout: folder.Layout = None,
    settings: folder.Settings = None,
    cache_dir: folder.CacheDir = None,
    clear: Annotated[
        bool,
        typer.Option(
            "--clear", help="Remove all prepared audio from the cache folder, and nothing else."
        ),
    ] = False,
) -> None:
    """Decode a folder of audio into the cache, so that training starts at once.

    If it is interrupted, the same command continues where it stopped.
    """
    if clear:
        if audio_dir is not None:
            raise DataError("--clear empties the whole cache; give no AUDIO_DIR with it")
        from wavegen.data.prepare import clear as clear_cache

        count, size = clear_cache(cache_dir)
        show.err.print(f"removed {counted(count, 'prepared data set')}, {size / 1e6:,.1f} MB")
        return
    if audio_dir is None:
        raise DataError("give AUDIO_DIR, the folder of recordings to prepare, or --clear")
    config = folder.read_settings(recipe, layout, settings)
    old = signal.signal(signal.SIGTERM, _terminate)
    try:
        dataset = folder.open_folder(audio_dir, config, cache_dir, allow_bad=True)
    except KeyboardInterrupt:
        show.err.print(STOPPED)
        raise
    finally:
        signal.signal(signal.SIGTERM, old)
    folder.show_dataset(dataset, config)


def _terminate(number: int, frame: object) -> None:
    """End as Ctrl-C does: what is decoded is kept."""
    show.err.print(STOPPED)
    raise typer.Exit(128 + number)
