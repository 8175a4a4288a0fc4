"""Accuracy of the aligner's word boundaries.

    python recipes/evaluate_alignment.py METADATA FOLDER [--clips 1000] [--measured 100]

Sentences of METADATA (`id|text` rows) are spoken by flite, which must be installed and knows when
each of its phonemes ends, into FOLDER as a data set in LJSpeech's layout. The aligner learns from
the sound and the texts alone. A word is found among flite's phonemes by counting those that flite
says for the word by itself; sentences where the counts do not add up are left out of the figures.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from wavegen.align import fit_dataset
from wavegen.cli.app import script
from wavegen.data.dataset import open_dataset
from wavegen.errors import WavegenError
from wavegen.recipe import load_config
from wavegen.speech.frontend import read_clip

Span = tuple[float, float]


def flite(*arguments: str) -> list[str]:
    done = subprocess.run(["flite", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.split()


@functools.cache
def alone(word: str) -> tuple[str, ...]:
    """The phonemes that flite gives a single word."""
    said = flite("-voice", "kal16", "-ps", "-o", "none", f" {word}")
    return tuple(p for p in said if p != "pau")


def truth(words: tuple[str, ...], segments: list[str]) -> list[Span] | None:
    """Begin and end of each word in seconds; None when the phonemes do not add up.

    Args:
        words: of the sentence.
        segments: "phoneme:end" each, as flite prints them.
    """
    spans, begin = [], 0.0
    phones = []
    for segment in segments:
        phone, end = segment.rsplit(":", 1)
        if phone != "pau":
            spans.append((begin, float(end)))
            phones.append(phone)
        begin = float(end)
    expected = [alone(w) for w in words]
    flat = [p for w in expected for p in w]
    alike = sum(a == b for a, b in zip(flat, phones, strict=False))
    if len(flat) != len(phones) or not all(expected) or alike < 0.7 * len(flat):
        return None
    ends = np.cumsum([len(w) for w in expected])
    return [(spans[e - len(w)][0], spans[e - 1][1]) for e, w in zip(ends, expected, strict=True)]


def speak(metadata: Path, folder: Path, count: int, voice: str) -> None:
    """Write the data set and `truth.json` (spans of the words by clip, null where unknown)."""
    rows = [line.split("|")[:2] for line in metadata.read_text("utf-8").splitlines()[:count]]
    (folder / "wavs").mkdir(parents=True)

    def one(row: list[str]) -> list[str]:
        file = folder / "wavs" / f"{row[0]}.wav"
        return flite("-voice", voice, "-psdur", "-o", str(file), f" {row[1]}")

    with ThreadPoolExecutor(2) as pool:
        spoken = list(pool.map(one, rows))
    units = [read_clip(text) for _, text in rows]
    spans = [u and truth(u.words, s) for u, s in zip(units, spoken, strict=True)]
    known = {f"wavs/{r[0]}.wav": s for r, s in zip(rows, spans, strict=True)}
    (folder / "metadata.csv").write_text("".join(f"{i}|{text}\n" for i, text in rows), "utf-8")
    (folder / "truth.json").write_text(json.dumps(known))


def main(
    metadata: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Rows of id|text.")],
    folder: Annotated[Path, typer.Argument(help="Folder for the spoken data set.")],
    clips: Annotated[int, typer.Option(help="Sentences to speak.")] = 1000,
    measured: Annotated[int, typer.Option(help="Sentences to measure.")] = 100,
    voice: Annotated[str, typer.Option(help="flite's voice.")] = "slt",
) -> None:
    """Print the figures as JSON."""
    if not shutil.which("flite"):
        raise WavegenError("flite is missing (apt install flite)")
    if not folder.exists():
        speak(metadata, folder, clips, voice)
    if not (folder / "truth.json").exists():
        raise WavegenError(f"{folder} was not spoken here, or not to its end: name a new folder")
    known = json.loads((folder / "truth.json").read_text())
    config = load_config({"data": {"layout": "ljspeech"}}, "settings")
    dataset = open_dataset(folder, config, folder / "cache")
    start = time.monotonic()
    fitted = fit_dataset(dataset, config.audio.sample_rate)
    took = time.monotonic() - start
    usable = [p for p in dataset.clips if known[p]]
    apart = []
    for path in usable[:: max(1, len(usable) // measured)][:measured]:
        spans = iter(known[path])
        for word in fitted.clip(path).words:
            if word.label:  # of several words that the front end joins only the ends are known
                said = [next(spans) for _ in word.label.split()]
                apart += [word.start - said[0][0], word.end - said[-1][1]]
    errors = np.abs(apart)
    figures = {
        "clips": len(dataset.clips),
        "phonemes do not add up": len(dataset.clips) - len(usable),
        "misfits": len(fitted.misfits),
        "boundaries measured": len(errors),
        "median, ms": float(np.median(errors)) * 1000,
        "90 %, ms": float(np.percentile(errors, 90)) * 1000,
        "within 20 ms": float(np.mean(errors <= 0.020)),
        "within 50 ms": float(np.mean(errors <= 0.050)),
        "later than the truth, median ms": float(np.median(apart)) * 1000,
        "fit, s": took,
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    script(main)
