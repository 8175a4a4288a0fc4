"""How far the times that are told of words and phonemes are from those that are heard.

    python recipes/evaluate_timings.py METADATA FOLDER [--voice kathleen] [--clips 100]

Sentences of METADATA (`id|text` rows) are spoken by a voice into FOLDER as a data set in LJSpeech's
layout. An aligner, as `wavegen align` fits one, learns from the sound and the texts alone; it knows
nothing of the voice. Compared is where words and phonemes begin, in milliseconds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from wavegen.align import fit_dataset
from wavegen.audio.writing import write_audio
from wavegen.cli.app import script
from wavegen.data.dataset import open_dataset
from wavegen.library import load_voice
from wavegen.recipe import load_config
from wavegen.request import Request
from wavegen.speech.intervals import Tier
from wavegen.synth import join, plan, synthesize
from wavegen.timing import Timing, timing
from wavegen.voice import Voice


def speak(voice: Voice, rows: list[list[str]], folder: Path) -> dict[str, Timing]:
    """Write the data set; what is told of each clip."""
    (folder / "wavs").mkdir(parents=True)
    (folder / "metadata.csv").write_text("".join(f"{i}|{text}\n" for i, text in rows), "utf-8")
    told = {}
    planned = [[*plan(voice, Request(text=text, seed=n))] for n, (_, text) in enumerate(rows)]
    audios = iter(synthesize(voice, [u for utterances in planned for u in utterances]))
    for (name, _), utterances in zip(rows, planned, strict=True):
        file = f"wavs/{name}.wav"
        audio = join(utterances, [next(audios) for _ in utterances])
        write_audio(folder / file, audio, voice.sample_rate)
        told[file] = timing(voice, utterances)
    return told


def apart(told: Tier, heard: Tier) -> list[float]:
    """Seconds by which each is heard to begin after it is told to; none where others are heard."""
    heard = tuple(i for i in heard if i.label)
    if [i.label for i in told] != [i.label for i in heard]:
        return []
    return [b.start - a.start for a, b in zip(told, heard, strict=True)]


def main(
    metadata: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Rows of id|text.")],
    folder: Annotated[Path, typer.Argument(help="Folder to make for the spoken data set.")],
    voice: Annotated[str, typer.Option(help="That speaks.")] = "kathleen",
    clips: Annotated[int, typer.Option(help="Sentences to speak.")] = 100,
) -> None:
    """Print the figures as JSON."""
    rows = [line.split("|")[:2] for line in metadata.read_text("utf-8").splitlines()[:clips]]
    told = speak(load_voice(voice), rows, folder)
    config = load_config({"data": {"layout": "ljspeech"}}, "settings")
    config = config.replace("data", trim_db=0.0)
    dataset = open_dataset(folder, config, folder / "cache", f0=False, transcripts=True)
    fitted = fit_dataset(dataset, config.audio.sample_rate)
    figures: dict[str, float] = {"clips": len(dataset.units)}
    for name in ("words", "phones"):
        pairs = [(getattr(told[p], name), getattr(fitted.clip(p), name)) for p in dataset.units]
        found = [apart(*pair) for pair in pairs]
        late = 1000 * np.array([x for clip in found for x in clip])
        figures[f"{name} measured"] = len(late)
        figures[f"{name}: clips with others"] = sum(not clip for clip in found)
        figures[f"{name}: median apart, ms"] = float(np.median(np.abs(late)))
        figures[f"{name}: 95 % apart, ms"] = float(np.percentile(np.abs(late), 95))
        figures[f"{name}: heard later, median ms"] = float(np.median(late))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    script(main)
