"""`wavegen classify`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavegen.cli import options as o
from wavegen.cli import show
from wavegen.cli.tables import print_table
from wavegen.errors import VoiceError, WavegenError
from wavegen.request import Request

if TYPE_CHECKING:
    from wavegen.score.classify import Hypothesis
    from wavegen.speech.frontend import Unit


@o.expanded
def classify(
    *,
    file: Annotated[Path, typer.Argument(help="A recording.")],
    request: Annotated[Request, o.Only("voice", "speaker")],
    texts: Annotated[
        list[str] | None,
        typer.Option("--texts", "-t", help="A text that may be said, or several with | between."),
    ] = None,
    speakers: Annotated[
        bool, typer.Option("--speakers", help="Any speaker of the voice may speak.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Which text or speaker a recording is likeliest of, by Bayes' rule.

    The likelihoods are those of `wavegen score`; every text and speaker is as likely beforehand.
    Probabilities are means over resampled recordings, so that no single sound decides.
    """
    given = [t.strip() for x in texts or () for t in x.split("|") if t.strip()]
    if not speakers and len(given) < 2:
        raise WavegenError("give two --texts or more, such as --texts 'one|two', or --speakers")
    if speakers and request.speaker is not None:
        raise WavegenError("give --speaker or --speakers, not both")
    from wavegen.library import find_voice
    from wavegen.score import check_speaker, read, read_text
    from wavegen.score.classify import classify as choose

    voice, _ = find_voice(request.voice, request.speaker)
    if speakers and len(voice.speakers) < 2:
        raise VoiceError(f"voice {voice.name} has no speakers to choose from")
    if not speakers:
        check_speaker(voice, request.speaker)
    said: Sequence[tuple[str, Unit] | None] = [(t, read_text(voice, t)) for t in given] or [None]
    who = list(voice.speakers) if speakers else [request.speaker]
    with show.progress_bar("scoring", "hypotheses") as bar:
        found = choose(voice, read(voice, file), said, who, bar)
    if as_json:
        row = {"file": str(file), "hypotheses": [vars(h) for h in found]}
        show.out.print(json.dumps(row, ensure_ascii=False), soft_wrap=True)
    else:
        _table(found)


def _table(found: list[Hypothesis]) -> None:
    what = [name for name in ("text", "speaker") if getattr(found[0], name) is not None]
    rows = [
        (
            *(getattr(h, name) for name in what),
            f"{h.bits_per_sample:.4f}",
            f"{h.probability:.3f}",
        )
        for h in found
    ]
    print_table((*what, "bits/sample", "probability"), rows)
