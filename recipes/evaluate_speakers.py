"""Sound and identity of the speakers of a voice, against their recordings.

    pip install ".[evaluate]"
    pip install --no-deps resemblyzer webrtcvad-wheels
    python recipes/evaluate_speakers.py FOLDER [--voice readers]

FOLDER holds the recordings that the voice was trained on. Every speaker says `TEXTS`, which no data
set for speech synthesis has, and copies held-out recordings. A row for each speaker, the mean of
all speakers and the worst of them, with these columns:

OVRL, distilMOS, PER      of what is spoken, as in evaluate_speech.py
copy OVRL, PESQ           of the copies
own                       verification by Resemblyzer (Wan et al. 2018): mean cosine of what is
                          spoken to the speaker's held-out recordings
nearest                   share of what is spoken that is nearest to those of the right speaker
real own, real nearest    the same of the held-out recordings, each against the others
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from evaluate_speech import copy, speak
from judges import Audio, Judge, heading, row
from numpy.typing import NDArray

from wavegen.audio.reading import read_audio
from wavegen.audio.writing import write_audio
from wavegen.cli.app import script
from wavegen.cli.show import phases
from wavegen.data.dataset import Dataset, open_dataset
from wavegen.errors import DataError, VoiceError
from wavegen.library import load_voice
from wavegen.request import Request
from wavegen.voice import SpeakingVoice

TEXTS = (
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It's easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls.",
    "The juice of lemons makes fine punch.",
    "The box was thrown beside the parked truck.",
    "The hogs were fed chopped corn and garbage.",
    "Four hours of steady work faced us.",
    "A large size in stockings is hard to sell.",
    "The boy was there when the sun rose.",
    "A rod is used to catch pink salmon.",
    "The source of the huge river is the clear spring.",
    "Kick the ball straight and follow through.",
    "Help the woman get back to her feet.",
    "A pot of tea helps to pass the evening.",
    "Smoky fires lack flame and heat.",
    "The soft cushion broke the man's fall.",
    "The salt breeze came across from the sea.",
    "The girl at the booth sold fifty bonds.",
)
"""Harvard sentences, lists 1 and 2 (IEEE Recommended Practice for Speech Quality Measurements,
1969)."""
COLUMNS = {
    "OVRL": ".2f",
    "distilMOS": ".2f",
    "PER": ".1%",
    "copy OVRL": ".2f",
    "copy PESQ": ".2f",
    "own": ".2f",
    "nearest": ".0%",
    "real own": ".2f",
    "real nearest": ".0%",
}
"""What is told of a speaker, and the formats of the figures."""
LEAST_SECONDS = 1.6
"""The window of Resemblyzer's network; shorter clips are not verified."""
Embeddings = NDArray[np.float32]


class Verifier:
    """Embeddings of what speakers sound like."""

    def __init__(self) -> None:
        with contextlib.redirect_stdout(sys.stderr):
            from resemblyzer import VoiceEncoder, preprocess_wav

            self.prepare, self.encoder = preprocess_wav, VoiceEncoder("cpu", verbose=False)

    def embeddings(self, clips: Sequence[Audio], rate: int) -> Embeddings:
        """(N, D) of unit length; clips that are shorter than `LEAST_SECONDS` are left out."""
        long = [a for a in clips if len(a) >= LEAST_SECONDS * rate]
        rows: list[Any] = [self.encoder.embed_utterance(self.prepare(a, rate)) for a in long]
        return np.stack(rows)


def likeness(
    made: Embeddings, real: Mapping[str, Embeddings], speaker: str, same: bool = False
) -> tuple[float, float]:
    """How like a speaker clips are.

    Args:
        made: (N, D) embeddings of clips.
        real: of each speaker's recordings.
        speaker: whom the clips are to be like.
        same: the clips are that speaker's recordings themselves; each is compared to the others.

    Returns:
        The mean cosine to the centre of the speaker's recordings, and the share of clips that are
        nearer to it than to any other speaker's.
    """
    own, right = [], 0
    for n, x in enumerate(made):
        centres = {
            s: (np.delete(e, n, 0) if same and s == speaker else e).mean(0) for s, e in real.items()
        }
        cosines = {s: float(x @ c / np.linalg.norm(c)) for s, c in centres.items()}
        own.append(cosines[speaker])
        right += max(cosines, key=lambda s: cosines[s]) == speaker
    return float(np.mean(own)), right / len(made)


def held_out(data: Dataset, speaker: str, rate: int) -> list[str]:
    """Paths of the recordings of a speaker that training did not use, long enough to verify.

    Raises:
        DataError: there are fewer than two.
    """
    held = [p for part in ("test", "validation") for p in data.split[part]]
    own = [p for p in held if data.clips[p].speaker == speaker]
    long = [p for p in own if data.entry(p).samples >= LEAST_SECONDS * rate]
    if len(long) < 2:
        raise DataError(f"only {len(long)} held-out recordings of {speaker} are long enough")
    return long


def voice_and_data(voice: str, folder: Path) -> tuple[SpeakingVoice, Dataset]:
    """A voice of several speakers, and the recordings that it was trained on.

    Raises:
        VoiceError: the voice can't be loaded, or is another kind.
        DataError: the recordings can't be read.
    """
    v = load_voice(voice)
    if not isinstance(v, SpeakingVoice) or len(v.speakers) < 2:
        raise VoiceError(f"voice {v.name} does not speak texts as two speakers or more")
    with phases() as progress:
        return v, open_dataset(folder, v.config, progress=progress)


def main(
    folder: Annotated[Path, typer.Argument(help="The recordings.")],
    voice: Annotated[str, typer.Option(help="Bundled voice or voice file.")] = "readers",
    texts: Annotated[int, typer.Option(help="How many texts.", min=1, max=len(TEXTS))] = 20,
    copies: Annotated[int, typer.Option(help="Copies of each speaker.", min=1)] = 5,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for all figures.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Folder to write the clips into.")] = None,
) -> None:
    """Print the figures as Markdown."""
    v, data = voice_and_data(voice, folder)
    judge, verifier, rate = Judge(), Verifier(), v.sample_rate
    held = {s: held_out(data, s, rate) for s in v.speakers}
    real = {s: [read_audio(folder / p, rate).audio for p in paths] for s, paths in held.items()}
    known = {s: verifier.embeddings(clips, rate) for s, clips in real.items()}
    figures: dict[str, dict[str, float]] = {}
    print(heading(COLUMNS))
    for s in v.speakers:
        request = Request(seed=seed, speaker=s)
        spoken = speak(v, TEXTS[:texts], request).audio
        copied = copy(v, [folder / p for p in held[s][:copies]], request).audio
        said = [data.clips[p].text for p in held[s]]
        of_spoken = judge.figures(TEXTS[:texts], spoken, rate)
        of_copies = judge.figures(said[:copies], copied, rate, real[s][:copies])
        own, nearest = likeness(verifier.embeddings(spoken, rate), known, s)
        real_own, real_nearest = likeness(known[s], known, s, same=True)
        figures[s] = {k: of_spoken[k] for k in ("OVRL", "distilMOS", "PER")} | {
            "copy OVRL": of_copies["OVRL"],
            "copy PESQ": of_copies["PESQ"],
            "own": own,
            "nearest": nearest,
            "real own": real_own,
            "real nearest": real_nearest,
        }
        print(row(s, figures[s], COLUMNS), flush=True)
        if keep is not None:
            for kind, clips in (("spoken", spoken), ("copies", copied)):
                (keep / kind).mkdir(parents=True, exist_ok=True)
                for n, audio in enumerate(clips):
                    write_audio(keep / kind / f"{s}-{n:02}.wav", audio, rate)
    everyone = {k: [f[k] for f in figures.values()] for k in COLUMNS}
    figures["mean"] = {k: float(np.mean(x)) for k, x in everyone.items()}
    figures["worst"] = {k: max(x) if k == "PER" else min(x) for k, x in everyone.items()}
    for name in ("mean", "worst"):
        print(row(name, figures[name], COLUMNS))
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    script(main)
