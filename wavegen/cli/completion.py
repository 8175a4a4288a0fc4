"""What the shell offers where a voice, a speaker or a recipe is to be named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from wavegen.errors import WavegenError


def voices(incomplete: str) -> Iterator[str]:
    """Bundled voices, and voice files in the folder that is being typed."""
    from wavegen.library import bundled

    yield from (name for name in bundled() if name.startswith(incomplete))
    yield from _files(incomplete, ".safetensors")


def speakers(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Speakers of the voice that is given, or of all bundled ones."""
    from wavegen.library import bundled, read_speakers, voice_file

    voice = context.params.get("voice")
    for name in [voice] if voice else bundled():
        try:
            found = read_speakers(voice_file(name))
        except WavegenError:  # which the command itself will say
            continue
        yield from (s.name for s in found if s.name.startswith(incomplete))


def recipes(incomplete: str) -> Iterator[str]:
    """Recipes that come with the package, and TOML files in the folder that is being typed."""
    from wavegen.recipe import recipe_names

    yield from (name for name in recipe_names() if name.startswith(incomplete))
    yield from _files(incomplete, ".toml")


def _files(incomplete: str, suffix: str) -> Iterator[str]:
    folder, _, name = incomplete.rpartition("/")
    try:
        inside = sorted(Path(f"{folder}/" if "/" in incomplete else ".").iterdir())
    except OSError:
        return
    for path in inside:
        if path.name.startswith(name) and (path.suffix == suffix or (name and path.is_dir())):
            yield f"{incomplete.removesuffix(name)}{path.name}" + "/" * path.is_dir()
