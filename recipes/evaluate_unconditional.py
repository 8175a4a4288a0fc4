"""How a voice without texts ends, continues recordings, and keeps silent.

    python recipes/evaluate_unconditional.py FOLDER --voice VOICE [--clips 200]

FOLDER holds the recordings the voice was trained on. Where the voice ends by itself, the lengths of
its clips are compared with those of the recordings (two-sample Kolmogorov-Smirnov statistic), each
with the speaker of one of them. Held-out recordings are cut in half and continued: a jump from
their last sample to the first new one is no larger than those within recordings if about 1 in 100
is beyond their 99th percentile. Noise in silence is the level of 50 ms that follow half a second of
digital silence, and that of the error of the voice's own samples (8-bit µ-law or 16-bit) in the
quietest twentieths of a second of held-out recordings.

Takes of ten seconds from nothing, at a temperature of 1, are judged by their last quarter, beside
all such stretches of held-out recordings: one has fallen quiet if it is fainter than 95 % of these,
run away if it is louder than 95 %, and else turned to noise if its spectrum is flatter than 95 %
are. By that, a seventh of the recordings' own stretches or less would be called so.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from wavegen.audio.filters import filters
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.cli.app import script
from wavegen.data.dataset import Dataset, open_dataset
from wavegen.library import load_voice
from wavegen.report.watch import flatness
from wavegen.request import Request
from wavegen.synth import plan, synthesize
from wavegen.utterance import Utterance
from wavegen.voice import Voice

Audio = NDArray[np.float32]
Held = list[tuple[Audio, int]]
"""Held-out recordings and their speakers."""


def decibels(audio: Audio) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(audio.astype(float) ** 2)) + 1e-9))


def endings(voice: Voice, data: Dataset, count: int) -> dict[str, float]:
    """Lengths of clips that end by themselves, and of all recordings."""
    rng = np.random.default_rng(0)
    entries = data.split["train"]
    some = rng.choice(entries, count)
    plans = [
        next(plan(voice, Request(speaker=data.clips[p].speaker or None, seed=n, max_seconds=10.0)))
        for n, p in enumerate(some)
    ]
    made = [len(a) / voice.sample_rate for a in synthesize(voice, plans)]
    real = [data.entry(p).samples / voice.sample_rate for p in entries]
    out = {"Kolmogorov-Smirnov statistic": float(ks_2samp(made, real).statistic)}
    for name, lengths in (("made", made), ("real", real)):
        for percent in (10, 50, 90):
            out[f"seconds, {name}, {percent} %"] = float(np.percentile(lengths, percent))
    return out


def after(voice: Voice, prompt: Audio, speaker: int, seconds: float, seed: int) -> Utterance:
    """The continuation of a recording."""
    name = voice.speakers[speaker] if voice.speakers else None
    [utterance] = plan(voice, Request(speaker=name, seconds=seconds, seed=seed))
    return replace(utterance, prompt=prompt)


def seams(voice: Voice, held: Held, count: int) -> dict[str, float]:
    """Sample-to-sample differences where a voice continues a recording from its middle."""
    halves: list[tuple[Audio, int]] = []
    for i in range(count):
        audio, speaker = held[i % len(held)]
        # Cut elsewhere each time a recording comes again.
        cut = int(len(audio) * (0.5 + 0.3 * ((i // len(held) * 0.618) % 1 - 0.5)))
        halves.append((audio[:cut], speaker))
    within = [np.abs(np.diff(audio)) for audio, _ in held[:count]]
    bound = float(np.percentile(np.concatenate(within), 99))
    plans = [after(voice, a, speaker, 0.01, n) for n, (a, speaker) in enumerate(halves)]
    made = synthesize(voice, plans)
    jumps = np.abs([m[0] - a[-1] for m, (a, _) in zip(made, halves, strict=True)])
    return {
        "seams": count,
        "99th percentile of recordings' differences": bound,
        "share of seams beyond it": float(np.mean(jumps > bound)),
        "largest jump at a seam": float(jumps.max()),
    }


def silence(voice: Voice, held: Held, count: int) -> dict[str, float]:
    """Levels in dB of full scale."""
    quiet = np.zeros(voice.sample_rate // 2, np.float32)
    plans = [after(voice, quiet, i % max(1, len(voice.speakers)), 0.05, i) for i in range(count)]
    made = synthesize(voice, plans)
    step = voice.sample_rate // 20
    parts = np.concatenate([a[: len(a) // step * step].reshape(-1, step) for a, _ in held])
    rms = np.sqrt(np.mean(parts**2, 1))
    parts = parts[np.argsort(rms)[: max(1, len(parts) // 20)]]
    synthesis_filters = filters(voice.config, None)
    errors = []
    for x in parts:
        codes = voice.samples(torch.from_numpy(x), None)[0].cpu()
        errors.append(Synthesis(synthesis_filters)(voice.model.output.decode(codes).numpy()) - x)
    return {
        "dB after silence": float(np.median([decibels(m) for m in made])),
        "dB of quiet recordings": float(np.median([decibels(x) for x in parts])),
        "dB of quantisation noise in them": float(np.median([decibels(e) for e in errors])),
    }


def stability(voice: Voice, held: Held, count: int, seconds: float) -> dict[str, float]:
    """What becomes of takes from nothing."""
    requests = [Request(seconds=seconds, seed=n) for n in range(count)]
    made = synthesize(voice, [next(plan(voice, r)) for r in requests])
    quarter = round(seconds * voice.sample_rate / 4)
    ends = [a[-quarter:] for a in made]
    parts = [a[at : at + quarter] for a, _ in held for at in range(0, len(a), quarter)]
    real = [p for p in parts if len(p) == quarter]
    levels, known = np.array([*map(decibels, ends)]), np.array([*map(decibels, real)])
    flat = np.array([flatness(e) for e in ends])
    usual = np.array([flatness(r) for r in real])
    low, high = np.percentile(known, (5, 95))
    quiet, away = levels < low, levels > high
    noise = (flat > np.percentile(usual, 95)) & ~quiet & ~away
    return {
        "takes": count,
        "share that fall quiet": float(quiet.mean()),
        "share that run away": float(away.mean()),
        "share that turn to noise": float(noise.mean()),
        "share that go on": float((~(quiet | away | noise)).mean()),
        "dB of the last quarter, median": float(np.median(levels)),
        "dB of recordings, median": float(np.median(known)),
        "flatness of the last quarter, median": float(np.median(flat)),
        "flatness of recordings, median": float(np.median(usual)),
    }


def main(
    folder: Annotated[Path, typer.Argument(help="The recordings.")],
    voice: Annotated[str, typer.Option(help="Voice file of a voice without texts.")],
    clips: Annotated[int, typer.Option(help="Clips for each measurement.")] = 200,
    takes: Annotated[int, typer.Option(help="Takes from nothing.")] = 16,
    seconds: Annotated[float, typer.Option(help="Of each take.")] = 10.0,
) -> None:
    """Print the figures as JSON."""
    v = load_voice(voice)
    data = open_dataset(folder, v.config)
    figures = {} if v.model.output.end is None else endings(v, data, clips)
    held = [
        (data.audio(p), data.speaker_id(p)) for p in data.split["test"] + data.split["validation"]
    ]
    figures |= stability(v, held, takes, seconds)
    figures |= seams(v, held, clips) | silence(v, held, 20)
    print(json.dumps({k: round(f, 5) for k, f in figures.items()}, indent=1))


if __name__ == "__main__":
    script(main)
