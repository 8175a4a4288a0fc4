"""How a voice sounds as somebody whom it was not trained on.

    pip install ".[evaluate]"
    pip install --no-deps resemblyzer webrtcvad-wheels
    python recipes/evaluate_stranger.py RECORDING… [--voice readers]

The recordings are of one person, each with its text in a .txt file beside it. All of them are
copied as by `wavegen vocode`, and all but the first are enrolled, to speak `TEXTS` of
evaluate_speakers.py. A voice that has been fine-tuned to the person (`wavegen train --from`) speaks
them itself: give it held-out recordings, and --speaker if it has others too. The columns are those
of evaluate_speech.py, and before them:

like        verification by Resemblyzer (Wan et al. 2018), mean cosine: of each recording to the
            others, of each copy to its own recording, of what is spoken to all recordings
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from evaluate_speakers import TEXTS, Verifier
from evaluate_speech import copy, speak
from judges import Judge, heading, row

from wavegen.audio.reading import read_audio
from wavegen.cli.app import script
from wavegen.errors import DataError, VoiceError
from wavegen.library import load_voice
from wavegen.request import Request, written
from wavegen.training.enroll import enroll, read_samples
from wavegen.training.likeness import mix_of_recording
from wavegen.voice import SpeakingVoice

NAME = "stranger"
COLUMNS = {"like": ".2f", "OVRL": ".2f", "distilMOS": ".2f", "PER": ".1%", "PESQ": ".2f"}
"""What is told of clips, and the formats of the figures."""


def main(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings of one person.")],
    voice: Annotated[str, typer.Option(help="Bundled voice or voice file.")] = "readers",
    speaker: Annotated[
        str | None,
        typer.Option(help="Of a voice that was fine-tuned to the person: its name there."),
    ] = None,
    texts: Annotated[int, typer.Option(help="How many texts.", min=1, max=len(TEXTS))] = 10,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
) -> None:
    """Print the figures as Markdown."""
    v = load_voice(voice)
    if not isinstance(v, SpeakingVoice):
        raise VoiceError(f"voice {v.name} does not speak texts")
    if len(recordings) < 2:
        raise DataError("two recordings are needed: one is not enrolled")
    rate, judge, verifier = v.sample_rate, Judge(), Verifier()
    real = [read_audio(f, rate).audio for f in recordings]
    texts_beside = [f.with_suffix(".txt") for f in recordings]
    if missing := [f for f in texts_beside if not f.is_file()]:
        raise DataError(f"there is no {missing[0]} with what is said")
    said = [f.read_text(encoding="utf-8").strip() for f in texts_beside]
    known = verifier.embeddings(real, rate)
    if len(known) < len(real):
        raise DataError("a recording is too short to be verified")
    print(heading(COLUMNS))

    others = (known.sum(0) - known) / np.linalg.norm(known.sum(0) - known, axis=1)[:, None]
    figures = judge.figures(said, real, rate) | {"like": float((known * others).sum(1).mean())}
    print(row("recordings", figures, COLUMNS), flush=True)

    copies = []
    for file in recordings:
        request = Request(seed=seed)
        if speaker is not None:
            request = replace(request, speaker=speaker)
        elif len(v.speakers) > 1:
            request = replace(request, speaker=written(mix_of_recording(v, file)))
        copies += copy(v, [file], request).audio
    cosines = (verifier.embeddings(copies, rate) * known).sum(1)
    figures = judge.figures(said, copies, rate, real) | {"like": float(cosines.mean())}
    print(row("copies", figures, COLUMNS), flush=True)

    tuned = speaker is not None or len(v.speakers) <= 1
    if not tuned:
        enrolled = enroll(v, NAME, read_samples(v, recordings[1:], v.config.data))
        assert isinstance(enrolled, SpeakingVoice)
        v, speaker = enrolled, NAME
    spoken = speak(v, TEXTS[:texts], Request(seed=seed, speaker=speaker)).audio
    centre = known.mean(0) / np.linalg.norm(known.mean(0))
    cosines = verifier.embeddings(spoken, rate) @ centre
    figures = judge.figures(TEXTS[:texts], spoken, rate) | {"like": float(cosines.mean())}
    print(row("spoken" if tuned else "enrolled, spoken", figures, COLUMNS))


if __name__ == "__main__":
    script(main)
