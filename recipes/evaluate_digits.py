"""Intelligibility of a digits voice: classifiers, likelihood and levels.

    python recipes/evaluate_digits.py RECORDINGS [--voice digits] [--seeds 5]

RECORDINGS is the Free Spoken Digit Dataset's folder. Two support vector machines on MFCCs learn
digit and speaker from the real recordings in the voice's training split, and are tried on real
held-out recordings and on the voice's own clips: each speaker, each digit, several seeds. Twenty
strings of four digits are cut at the planned word boundaries and classified word by word. Of the
recordings of the test split, it is told how often the right text and the right speaker are the
likeliest, at how many bits per sample, and what weights rounded as in the numba engine cost.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import librosa
import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from wavegen.audio.reading import read_audio
from wavegen.cli.app import script
from wavegen.data.clip import Clip
from wavegen.data.layouts import find_clips
from wavegen.data.split import split_clips
from wavegen.generation.rounding import rounded
from wavegen.library import load_voice
from wavegen.request import Request
from wavegen.score import read, read_text, score_file
from wavegen.score.classify import classify
from wavegen.synth import plan, synthesize
from wavegen.timing import timing
from wavegen.voice import Voice

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
Audio = NDArray[np.float32]


def features(audio: Audio, rate: int, segments: int = 8) -> NDArray[np.float32]:
    """MFCCs and their deltas, averaged over equal parts of the clip."""
    audio = np.pad(audio, (0, max(0, rate // 5 - len(audio))))
    mfcc = librosa.feature.mfcc(y=audio, sr=rate, n_mfcc=13, n_fft=256, hop_length=80, n_mels=40)
    both = np.concatenate([mfcc, librosa.feature.delta(mfcc, width=5)])
    parts = [p.mean(1) for p in np.array_split(both, segments, axis=1)]
    return np.concatenate([*parts, mfcc.mean(1), mfcc.std(1)]).astype(np.float32)


def decibels(audio: Audio) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(audio**2)) + 1e-9))


def share_of(apart: list[float], bound: float) -> float:
    """Fraction beyond a bound, on its side of zero."""
    return float(np.mean(np.array(apart) / bound > 1))


def classifier(x: list[NDArray[np.float32]], y: list[str]) -> Pipeline:
    """A support vector machine that has learned what real recordings are."""
    model: Pipeline = make_pipeline(StandardScaler(), SVC(C=10))
    model.fit(np.stack(x), y)
    return model


def share(model: Pipeline, x: list[NDArray[np.float32]], y: list[str]) -> float:
    return float(np.mean(model.predict(np.stack(x)) == np.array(y)))


def classification(voice: Voice, root: Path, clips: list[Clip]) -> dict[str, float]:
    """How often the right text, and the right speaker, is the likeliest of all, with which
    probability the likeliest one is, and the bits per sample of the sound given the right ones and
    given wrong ones."""
    units = [(w, read_text(voice, w)) for w in WORDS]
    right: dict[str, list[bool]] = defaultdict(list)
    said: dict[str, list[float]] = defaultdict(list)
    bits: dict[str, list[float]] = defaultdict(list)
    for c in clips:
        audio, digit = read(voice, root / c.path), int(c.text)
        for what, found in (
            ("text", classify(voice, audio, units, [c.speaker])),
            ("speaker", classify(voice, audio, [units[digit]], voice.speakers)),
        ):
            true = (WORDS[digit], c.speaker)
            fits = [(h.text, h.speaker) == true for h in found]
            right[what].append(fits[0])
            said[what].append(found[0].probability)
            for h, fit in zip(found, fits, strict=True):
                bits["right" if fit else f"wrong {what}"].append(h.bits_per_sample)
    figures = {f"{what} likeliest": float(np.mean(each)) for what, each in right.items()}
    figures |= {f"{what}, mean probability": float(np.mean(each)) for what, each in said.items()}
    return figures | {f"bits {name}": float(np.mean(each)) for name, each in bits.items()}


def precisions(voice: Voice, root: Path, clips: list[Clip]) -> dict[str, float]:
    """Bits per sample of the network, given the recordings' own spectrograms unless the voice is
    conditioned on phonemes, with weights rounded as the engine does."""
    exact, figures = voice.model, {}
    for precision in ("f32", "bf16", "int8"):
        voice.model = rounded(exact, precision)
        each = []
        for c in clips:
            text = WORDS[int(c.text)] if voice.needs_text else None
            each.append(score_file(voice, root / c.path, c.speaker, text).network_bits)
        figures[f"network bits, {precision}"] = float(np.concatenate(each).mean())
    voice.model = exact
    return figures


def main(
    recordings: Annotated[Path, typer.Argument(help="Folder of the Free Spoken Digit Dataset.")],
    voice: Annotated[str, typer.Option(help="Bundled voice or voice file.")] = "digits",
    seeds: Annotated[int, typer.Option(help="Takes of each speaker and digit.")] = 5,
    strings: Annotated[int, typer.Option(help="Strings of four digits.")] = 20,
    temperature: Annotated[float, typer.Option(help="Sampling temperature.")] = 1.0,
) -> None:
    """Print the figures as JSON."""
    v = load_voice(voice)
    rate, data = v.sample_rate, v.config.data
    clips = find_clips(recordings, data).clips
    by_path = {c.path: c for c in clips}
    split = split_clips(clips, data.validation, data.test, v.config.train.seed)
    real = {p: read_audio(recordings / p, rate).audio for p in by_path}
    x = {p: features(a, rate) for p, a in real.items()}
    known = [x[p] for p in split["train"]]
    models = {
        what: classifier(known, [getattr(by_path[p], what) for p in split["train"]])
        for what in ("text", "speaker")
    }
    held = [by_path[p] for p in split["validation"] + split["test"]]
    figures = {
        "real digits": share(models["text"], [x[c.path] for c in held], [c.text for c in held]),
        "real speakers": share(
            models["speaker"], [x[c.path] for c in held], [c.speaker for c in held]
        ),
    }

    jobs = [(d, s, n) for n in range(seeds) for s in v.speakers for d in range(10)]
    requests = [
        Request(text=WORDS[d], speaker=s, seed=n, temperature=temperature) for d, s, n in jobs
    ]
    made = synthesize(v, [next(plan(v, r)) for r in requests])
    y = [features(a, rate) for a in made]
    figures["digits"] = share(models["text"], y, [str(d) for d, _, _ in jobs])
    figures["speakers"] = share(models["speaker"], y, [s for _, s, _ in jobs])
    for s in v.speakers:
        mine = [i for i, job in enumerate(jobs) if job[1] == s]
        figures[f"digits, {s}"] = share(
            models["text"], [y[i] for i in mine], [str(jobs[i][0]) for i in mine]
        )
        figures[f"speakers, {s}"] = share(models["speaker"], [y[i] for i in mine], [s] * len(mine))

    rng = random.Random(0)
    texts = ["".join(rng.choices("0123456789", k=4)) for _ in range(strings)]
    requests = [
        Request(
            text=" ".join(WORDS[int(d)] for d in t),
            speaker=v.speakers[i % len(v.speakers)],
            temperature=temperature,
        )
        for i, t in enumerate(texts)
    ]
    long = [next(plan(v, r)) for r in requests]
    spoken = synthesize(v, long)
    words = [
        a[round(w.start * rate) : round(w.end * rate)]
        for a, u in zip(spoken, long, strict=True)
        for w in timing(v, [u]).words
    ]
    figures["digits in strings of four"] = share(
        models["text"], [features(w, rate) for w in words], list("".join(texts))
    )

    usual = {
        s: np.median([decibels(real[c.path]) for c in clips if c.speaker == s]) for s in v.speakers
    }
    off = {
        "real": [decibels(real[c.path]) - usual[c.speaker] for c in clips],
        "made": [decibels(a) - usual[s] for a, (_, s, _) in zip(made, jobs, strict=True)],
    }
    for name, apart in off.items():
        figures[f"{name} clips 15 dB fainter than the speaker's median"] = share_of(apart, -15)
        figures[f"{name} clips 15 dB louder than the speaker's median"] = share_of(apart, 15)
    level = {"real": list(real.values()), "made": made}
    for name, some in level.items():
        rms = [decibels(a) for a in some]
        figures[f"{name} level dB, median"] = float(np.median(rms))
        figures[f"{name} level dB, lowest"] = float(np.min(rms))
        figures[f"{name} clipped samples, worst clip"] = float(
            max(np.mean(np.abs(a) > 0.99) for a in some)
        )
        figures[f"{name} seconds, mean"] = float(np.mean([len(a) for a in some]) / rate)
        figures[f"{name} seconds, longest"] = max(len(a) for a in some) / rate
    test = [by_path[p] for p in split["test"]]
    figures |= classification(v, recordings, test) | precisions(v, recordings, test)
    print(json.dumps({k: round(f, 4) for k, f in figures.items()}, indent=1))


if __name__ == "__main__":
    script(main)
