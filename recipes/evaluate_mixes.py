"""What lies between two speakers of a voice.

    pip install ".[evaluate]"
    pip install --no-deps resemblyzer webrtcvad-wheels
    python recipes/evaluate_mixes.py FOLDER [--voice readers] [--pairs kathleen+bruno,clara+helen]

FOLDER holds the recordings that the voice was trained on. For each pair of speakers, five mixes
from the one to the other say the same texts. A row for each mix: the share of the second speaker,
the mean cosine to the held-out recordings of either speaker (Resemblyzer, as in
evaluate_speakers.py), and the mean F0. The last line tells which pairs go evenly: the first cosine
falls and the second rises with every mix, and all F0s lie between those of the two.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from evaluate_speakers import TEXTS, Verifier, held_out, voice_and_data
from evaluate_speech import speak
from judges import Audio, heading, row

from wavegen.audio.features import pitch
from wavegen.cli.app import script
from wavegen.errors import VoiceError
from wavegen.request import Request

PAIRS = "kathleen+bruno,anne+albert,clara+helen,conrad+edgar"
"""Women and men, women, men."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
COLUMNS = {"share": ".2f", "to the first": ".2f", "to the second": ".2f", "F0 Hz": ".0f"}
"""What is told of a mix, and the formats of the figures."""


def mean_f0(clips: list[Audio], rate: int, hop: int) -> float:
    """Geometric mean of F0 in voiced frames, in Hz."""
    f0 = np.concatenate([pitch(a, rate, hop) for a in clips])
    return float(np.exp(np.log(f0[f0 > 0]).mean()))


def even(rows: list[dict[str, float]]) -> bool:
    """Whether one speaker turns into the other step by step."""
    first, second, f0 = ([r[k] for r in rows] for k in ("to the first", "to the second", "F0 Hz"))
    low, high = sorted((f0[0], f0[-1]))
    return (
        all(a > b for a, b in pairwise(first))
        and all(a < b for a, b in pairwise(second))
        and all(low <= x <= high for x in f0)
    )


def main(
    folder: Annotated[Path, typer.Argument(help="The recordings.")],
    voice: Annotated[str, typer.Option(help="Bundled voice or voice file.")] = "readers",
    pairs: Annotated[str, typer.Option(help="Pairs of speakers.")] = PAIRS,
    texts: Annotated[int, typer.Option(help="How many texts.", min=1, max=len(TEXTS))] = 10,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for all figures.")] = None,
) -> None:
    """Print the figures as Markdown."""
    couples = [pair.split("+") for pair in pairs.split(",")]
    if wrong := [c for c in couples if len(c) != 2]:
        raise VoiceError(f"--pairs takes a+b,c+d, not {'+'.join(wrong[0])}")
    v, data = voice_and_data(voice, folder)
    verifier, rate = Verifier(), v.sample_rate
    figures: dict[str, list[dict[str, float]]] = {}
    print(heading(COLUMNS))
    for names in couples:
        pair = "+".join(names)
        real = [[data.audio(p) for p in held_out(data, s, rate)] for s in names]
        means = [verifier.embeddings(clips, rate).mean(0) for clips in real]
        centres = np.stack([m / np.linalg.norm(m) for m in means], 1)
        rows = figures[pair] = []
        for share in SHARES:
            who = ",".join(f"{s}:{w}" for s, w in zip(names, (1 - share, share), strict=True) if w)
            clips = speak(v, TEXTS[:texts], Request(seed=seed, speaker=who)).audio
            cosines = (verifier.embeddings(clips, rate) @ centres).mean(0)
            f0 = mean_f0(clips, rate, v.config.hop_length)
            rows.append(dict(zip(COLUMNS, (share, *map(float, cosines), f0), strict=True)))
            print(row(pair, rows[-1], COLUMNS), flush=True)
    print("even:", ", ".join(p for p, rows in figures.items() if even(rows)) or "none")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    script(main)
