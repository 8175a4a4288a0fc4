"""`wavegen voices`, and lists of speakers."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wavegen.cli import show
from wavegen.cli.tables import Cell, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wavegen.library import SpeakerInfo


def voices(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the bundled voices and their speakers."""
    from wavegen.library import bundled, read_speakers

    speakers = {name: read_speakers(path) for name, path in bundled().items()}
    voices = [_voice(name, path, speakers[name]) for name, path in bundled().items()]
    if as_json:
        typer.echo(json.dumps(voices, ensure_ascii=False, indent=2))
        return
    rows = [
        (
            v["name"],
            str(len(v["speakers"]) or "-"),
            f"{v['sample_rate']} Hz",
            f"{v['bytes'] / 1e6:.1f} MB",
            "-" if v["minutes"] is None else f"{v['minutes']:.1f}",
            v["licence"] or "-",
        )
        for v in voices
    ]
    print_table(("voice", "speakers", "rate", "size", "minutes", "licence"), rows)
    show.out.print()
    print_speakers(speakers)


def _voice(name: str, path: Path, speakers: Sequence[SpeakerInfo]) -> dict[str, Any]:
    """A voice as JSON has it."""
    from wavegen.library import read_about

    about = read_about(path)
    training = about["training"]
    return {
        "name": name,
        "sample_rate": about["config"]["audio"]["sample_rate"],
        "bytes": path.stat().st_size,
        "minutes": training.get("minutes_of_audio"),
        "licence": training.get("licence"),
        "attribution": training.get("attribution"),
        "speakers": [asdict(s) for s in speakers],
    }


def list_speakers(voice: str | None, as_json: bool) -> None:
    """List the speakers of a voice, or of all bundled ones.

    Raises:
        VoiceError: there is no such voice.
    """
    from wavegen.library import bundled, read_speakers, voice_file

    names = [voice] if voice is not None else [*bundled()]
    speakers = {name: read_speakers(voice_file(name)) for name in names}
    if as_json:
        rows = [{"voice": name, **asdict(s)} for name, all_ in speakers.items() for s in all_]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        print_speakers(speakers)


def print_speakers(speakers: Mapping[str, Sequence[SpeakerInfo]]) -> None:
    """Print a table of the speakers of voices, without columns that would be empty."""
    rows: list[dict[str, Cell]] = [
        {
            "id": str(s.id),
            "speaker": s.name,
            "voice": voice if len(speakers) > 1 else "",
            "sex": s.sex or "",
            "minutes": "" if s.minutes is None else f"{s.minutes:.1f}",
            "licence": s.licence or "",
            "description": (s.description or "").split(),
        }
        for voice, all_ in speakers.items()
        for s in all_
    ]
    if rows:
        names = [name for name in rows[0] if any(row[name] for row in rows)]
        print_table(names, [[row[name] or "-" for name in names] for row in rows])
