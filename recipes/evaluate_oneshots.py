"""How one-shots begin, decay and end, by kind, beside the recordings that a voice was trained on.

    python recipes/evaluate_oneshots.py FOLDER --voice VOICE [--takes 2]

For a voice that ends its clips. Takes are drawn as the speaker of each recording. The kind of a
sound is what stands before the first underscore of its speaker's name, and medians of all takes of
a kind are shown beside those of its recordings, in brackets:

- seconds;
- attack: ms until the loudest 5 ms;
- decay: ms from there until all that follows is 20 dB fainter;
- end: level of the last 5 ms before digital silence, in dB relative to the loudest;
- centroid of the power spectrum, in Hz;
- nearest: the greatest correlation with a recording of the kind, at any lag; of a recording, with
  another one. A clip that is as good as a copy has 1.

Then follow shares of all clips and, in brackets, of all recordings. A clip is silent if its
loudest 5 ms are 12 dB fainter than those of any recording, too loud if its RMS is 3 dB above that
of any, and endless if it lasts twice as long as any, where it is cut off. It has no attack if that
takes longer than in 95 % of the recordings, and breaks off if its end is louder than in 95 %. Last
comes the Kolmogorov-Smirnov statistic of all lengths.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.signal import correlate
from scipy.stats import ks_2samp

from wavegen.cli.app import script
from wavegen.data.dataset import open_dataset
from wavegen.errors import VoiceError
from wavegen.library import load_voice
from wavegen.request import Request
from wavegen.synth import plan, synthesize

Audio = NDArray[np.float32]
FRAME = 0.005
"""Seconds in which levels are measured."""
FALL = 20
"""dB of a decay."""


@dataclass(frozen=True)
class Shape:
    """Of one clip."""

    seconds: float
    attack: float
    """ms."""
    decay: float
    """ms."""
    end: float
    """dB relative to ``peak``."""
    centroid: float
    """Hz."""
    peak: float
    """Level of the loudest frame, in dB of full scale."""
    rms: float
    """Level of the whole, likewise."""


def levels(audio: Audio, frame: int) -> NDArray[np.float64]:
    """RMS of each frame in dB; the last one ends with the clip, and may overlap another."""
    starts = [*range(0, max(len(audio) - frame, 0), frame), max(len(audio) - frame, 0)]
    power = [np.mean(audio[s : s + frame].astype(float) ** 2) for s in starts]
    db: NDArray[np.float64] = 10 * np.log10(np.array(power) + 1e-12)
    return db


def shape(audio: Audio, rate: int) -> Shape:
    """Measure one clip of at least one sample."""
    db = levels(audio, round(FRAME * rate))
    end = levels(np.trim_zeros(audio, "b"), round(FRAME * rate))[-1] if audio.any() else db[-1]
    top = int(db.argmax())
    loud = int(np.flatnonzero(db >= db[top] - FALL)[-1])
    power = np.abs(np.fft.rfft(audio.astype(float))) ** 2
    centroid = np.fft.rfftfreq(len(audio), 1 / rate) @ power / (power.sum() + 1e-12)
    return Shape(
        seconds=len(audio) / rate,
        attack=1000 * FRAME * top,
        decay=1000 * FRAME * (loud - top),
        end=float(end - db[top]),
        centroid=float(centroid),
        peak=float(db[top]),
        rms=float(10 * np.log10(np.mean(audio.astype(float) ** 2) + 1e-12)),
    )


def likeness(audio: Audio, other: Audio) -> float:
    """Greatest correlation of two clips at any lag, 0…1."""
    norm = np.sqrt(np.sum(audio.astype(float) ** 2) * np.sum(other.astype(float) ** 2))
    return float(np.abs(correlate(audio, other, method="fft")).max() / (norm + 1e-12))


def kind_of(speaker: str) -> str:
    """The kind of sound that a speaker makes."""
    return speaker.partition("_")[0]


def shares(shapes: list[Shape], real: list[Shape], limit: float) -> dict[str, float]:
    """Of clips that are no one-shots, as the head of this file says, in percent."""
    attack, end = (np.percentile([getattr(r, n) for r in real], 95) for n in ("attack", "end"))
    faults = {
        "silent": [s.peak < min(r.peak for r in real) - 12 for s in shapes],
        "too loud": [s.rms > max(r.rms for r in real) + 3 for s in shapes],
        "endless": [s.seconds >= limit for s in shapes],
        "no attack": [s.attack > attack for s in shapes],
        "breaks off": [s.end > end for s in shapes],
    }
    return {name: 100 * float(np.mean(found)) for name, found in faults.items()}


def main(
    folder: Annotated[Path, typer.Argument(help="The recordings.")],
    voice: Annotated[str, typer.Option(help="Voice file.")],
    takes: Annotated[int, typer.Option(help="As the speaker of each recording.", min=1)] = 2,
    temperature: Annotated[float, typer.Option(help="Of what is drawn.", min=0)] = 1.0,
) -> None:
    """Print the figures as a Markdown table and lines below it."""
    v = load_voice(voice)
    if v.model.output.end is None:
        raise VoiceError(f"{voice} does not end its clips (model.ends)")
    data, rate = open_dataset(folder, v.config, allow_bad=True), v.sample_rate
    known = [(clip.speaker, data.audio(path)) for path, clip in data.clips.items()]
    limit = 2 * max(len(a) for _, a in known) / rate
    requests = [
        Request(
            speaker=speaker or None, seed=i * takes + n, max_seconds=limit, temperature=temperature
        )
        for i, (speaker, _) in enumerate(known)
        for n in range(takes)
    ]
    drawn = synthesize(v, [u for r in requests for u in plan(v, r)])
    made = [
        (known[i // takes][0], a if len(a) else np.zeros(1, np.float32))
        for i, a in enumerate(drawn)
    ]
    print("| kind | | seconds | attack, ms | decay, ms | end, dB | centroid, Hz | nearest |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in sorted({kind_of(s) for s, _ in known}):
        mine, theirs = ([a for s, a in x if kind_of(s) == kind] for x in (made, known))
        shapes, real = ([shape(a, rate) for a in x] for x in (mine, theirs))
        cells = []
        for name in ("seconds", "attack", "decay", "end", "centroid"):
            m, r = (float(np.median([getattr(s, name) for s in x])) for x in (shapes, real))
            digits = 2 if name == "seconds" else 0
            cells.append(f"{m:.{digits}f} ({r:.{digits}f})")
        near = [max(likeness(a, k) for k in theirs) for a in mine]
        others = [max((likeness(a, k) for k in theirs if k is not a), default=0) for a in theirs]
        cells.append(f"{np.median(near):.2f} ({np.median(others):.2f})")
        print(f"| {kind} | {len(theirs)} | {' | '.join(cells)} |")
    shapes, real = ([shape(a, rate) for _, a in x] for x in (made, known))
    for name, share in shares(shapes, real, limit).items():
        print(f"{name}: {share:.1f} % ({shares(real, real, limit)[name]:.1f} %)")
    statistic = ks_2samp([s.seconds for s in shapes], [r.seconds for r in real]).statistic
    print(f"Kolmogorov-Smirnov statistic of {len(made)} lengths: {statistic:.3f}")


if __name__ == "__main__":
    script(main)
