"""Voice conversion between the speakers of a voice.

    pip install ".[evaluate]"
    pip install --no-deps resemblyzer webrtcvad-wheels
    python recipes/evaluate_conversion.py FOLDER [--voice readers] [--texts]

FOLDER holds the recordings that the voice was trained on. Held-out sentences of the other speakers,
in turn, are said by each speaker (`wavegen convert`). A row for each of them, the mean and the
worst, with these columns; the last row is of the recordings themselves:

OVRL, distilMOS, PER  as in evaluate_speech.py
target, source        share of the clips that are nearest, by Resemblyzer (Wan et al. 2018), to the
                      held-out recordings of the target and of the source
own                   mean cosine to those of the target
F0                    mean correlation of log F0 with the recording's, where both are voiced
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from evaluate_speakers import Embeddings, Verifier, held_out, voice_and_data
from judges import Audio, Judge, heading, row

from wavegen.audio.features import pitch
from wavegen.audio.reading import read_audio
from wavegen.audio.writing import write_audio
from wavegen.cli.app import script
from wavegen.conversion import plan_conversion
from wavegen.data.dataset import Dataset
from wavegen.request import Request
from wavegen.synth import synthesize

COLUMNS = {
    "OVRL": ".2f",
    "distilMOS": ".2f",
    "PER": ".1%",
    "target": ".0%",
    "source": ".1%",
    "own": ".2f",
    "F0": ".3f",
}
"""What is told of a target, and the formats of the figures."""
LONGEST = 8.0
"""Seconds of a sentence at most."""


def sentences(
    data: Dataset, held: Mapping[str, Sequence[str]], target: str, count: int, rate: int
) -> list[str]:
    """Paths of recordings of all speakers but the target, in turn, each sentence once."""
    order = random.Random(target)
    others = [
        order.sample(short, len(short))
        for s, paths in held.items()
        if s != target and (short := [p for p in paths if data.entry(p).samples < LONGEST * rate])
    ]
    turns = itertools.zip_longest(*order.sample(others, len(others)))
    return [p for turn in turns for p in turn if p is not None][:count]


def nearest(
    made: Embeddings, known: Mapping[str, Embeddings]
) -> tuple[list[str], dict[str, list[float]]]:
    """Whose recordings each clip is nearest to, and its cosines to everyone's."""
    centres = {s: e.mean(0) / np.linalg.norm(e.mean(0)) for s, e in known.items()}
    cosines = {s: (made @ c).tolist() for s, c in centres.items()}
    names = list(cosines)
    best = np.argmax([cosines[s] for s in names], 0)
    return [names[n] for n in best], cosines


def agreement(made: Audio, real: Audio, rate: int, hop: int) -> float:
    """Correlation of log F0, where both clips are voiced; NaN where they hardly are."""
    tracks = [pitch(a, rate, hop) for a in (made, real)]
    a, b = (t[: min(map(len, tracks))] for t in tracks)
    both = (a > 0) & (b > 0)
    if both.sum() < 10:
        return float("nan")
    return float(np.corrcoef(np.log2(a[both]), np.log2(b[both]))[0, 1])


def main(
    folder: Annotated[Path, typer.Argument(help="The recordings.")],
    voice: Annotated[str, typer.Option(help="Bundled voice or voice file.")] = "readers",
    texts: Annotated[bool, typer.Option("--texts", help="Give the texts.")] = False,
    count: Annotated[int, typer.Option("--sentences", help="For each target.", min=1)] = 20,
    targets: Annotated[str, typer.Option(help="Some of the speakers: a,b.")] = "",
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for all figures.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Folder to write the clips into.")] = None,
) -> None:
    """Print the figures as Markdown."""
    v, data = voice_and_data(voice, folder)
    judge, verifier, rate = Judge(), Verifier(), v.sample_rate
    held = {s: held_out(data, s, rate) for s in v.speakers}
    known = {
        s: verifier.embeddings([data.audio(p) for p in paths], rate) for s, paths in held.items()
    }
    figures: dict[str, dict[str, float]] = {}
    heard: dict[str, Audio] = {}
    print(heading(COLUMNS))
    for target in targets.split(",") if targets else v.speakers:
        paths = sentences(data, held, target, count, rate)
        real = [read_audio(folder / p, rate).audio for p in paths]
        heard |= dict(zip(paths, real, strict=True))
        said = [data.clips[p].text for p in paths]
        request = Request(speaker=target, seed=seed)
        plans = [
            plan_conversion(v, folder / p, replace(request, text=t if texts else None))
            for p, t in zip(paths, said, strict=True)
        ]
        made = synthesize(v, plans)
        who, cosines = nearest(verifier.embeddings(made, rate), known)
        sources = [data.clips[p].speaker for p in paths]
        hop = v.config.hop_length
        melodies = [agreement(a, b, rate, hop) for a, b in zip(made, real, strict=True)]
        judged = judge.figures(said, made, rate)
        figures[target] = {k: judged[k] for k in ("OVRL", "distilMOS", "PER")} | {
            "target": who.count(target) / len(who),
            "source": float(np.mean([w == s for w, s in zip(who, sources, strict=True)])),
            "own": float(np.mean(cosines[target])),
            "F0": float(np.nanmean(melodies)),
        }
        print(row(target, figures[target], COLUMNS), flush=True)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            for n, audio in enumerate(made):
                write_audio(keep / f"{target}-{n:02}-of-{sources[n]}.wav", audio, rate)
    everyone = {k: [f[k] for f in figures.values()] for k in COLUMNS}
    high = {"PER", "source"}
    figures["mean"] = {k: float(np.mean(x)) for k, x in everyone.items()}
    figures["worst"] = {k: max(x) if k in high else min(x) for k, x in everyone.items()}
    judged = judge.figures([data.clips[p].text for p in heard], [*heard.values()], rate)
    figures["recordings"] = {k: judged[k] for k in ("OVRL", "distilMOS", "PER")}
    for name in ("mean", "worst", "recordings"):
        print(row(name, figures[name], COLUMNS))
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    torch.set_num_threads(1)
    script(main)
