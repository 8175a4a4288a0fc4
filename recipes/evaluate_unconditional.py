"""How a voice without texts draws from nothing, ends, continues recordings, and keeps silent.

    python recipes/evaluate_unconditional.py FOLDER --voice VOICE [--clips 200]

FOLDER holds the recordings the voice was trained on. Where the voice ends by itself, the lengths of
its clips are compared with those of the recordings (two-sample Kolmogorov-Smirnov statistic), each
with the speaker of one of them. Held-out recordings are cut in half and continued: a jump from
their last sample to the first new one is no larger than those within recordings if about 1 in 100
is beyond their 99th percentile. Noise in silence is the level of 50 ms that follow half a second of
digital silence, and that of the error of the voice's own samples (8-bit µ-law or 16-bit) in the
quietest twentieths of a second of held-out recordings.

Takes of ten seconds from nothing, at a temperature of 1 unless set, are judged by their last
quarter, beside all such stretches of held-out recordings: one has fallen quiet if it is fainter
than 95 % of these, run away if it is louder than 95 %, and else turned to noise if its spectrum is
flatter than 95 % are. By that, a seventh of the recordings' own stretches or less would be called
so. As music, whole takes are compared with the recordings: how many notes begin in a second
(onsets), how much recurs from beat to beat (the highest autocorrelation of the onsets' strength,
0.3 to 1.5 s apart), how few of the twelve semitones hold the energy at a time (bits of entropy of
the chroma of a frame; log2 12 = 3.58 in noise), and how much that changes within a second (half the
sum of the absolute differences of two frames' chroma). Of a voice that draws codes, so are copies
of held-out recordings, and white noise in place of its network; and it is told how much of the
takes' codes is known by heart.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import librosa
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from scipy.stats import entropy, ks_2samp

from wavegen.audio.filters import LEVEL, filters
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.cli.app import script
from wavegen.data.dataset import Dataset, open_dataset
from wavegen.drawing import draw_codes
from wavegen.errors import DataError
from wavegen.latents import Codes, LatentVoice
from wavegen.library import load_voice
from wavegen.report.watch import flatness
from wavegen.request import Request
from wavegen.synth import plan, plan_decoding, synthesize
from wavegen.utterance import Utterance
from wavegen.voice import ConditionedVoice, Voice

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


def takes_from_nothing(voice: Voice, count: int, seconds: float, temperature: float) -> list[Audio]:
    requests = [Request(seconds=seconds, seed=n, temperature=temperature) for n in range(count)]
    return synthesize(voice, [next(plan(voice, r)) for r in requests])


def stability(voice: Voice, made: list[Audio], held: Held) -> dict[str, float]:
    """What becomes of takes from nothing, all of one length."""
    quarter = len(made[0]) // 4
    ends = [a[-quarter:] for a in made]
    parts = [a[at : at + quarter] for a, _ in held for at in range(0, len(a), quarter)]
    real = [p for p in parts if len(p) == quarter]
    if not real:
        least = f"{quarter / voice.sample_rate:g} s, a quarter of a take"
        raise DataError(f"no held-out recording lasts {least}: lower --seconds")
    levels, known = np.array([*map(decibels, ends)]), np.array([*map(decibels, real)])
    flat = np.array([flatness(e) for e in ends])
    usual = np.array([flatness(r) for r in real])
    low, high = np.percentile(known, (5, 95))
    quiet, away = levels < low, levels > high
    noise = (flat > np.percentile(usual, 95)) & ~quiet & ~away
    return {
        "takes": len(made),
        "share that fall quiet": float(quiet.mean()),
        "share that run away": float(away.mean()),
        "share that turn to noise": float(noise.mean()),
        "share that go on": float((~(quiet | away | noise)).mean()),
        "dB of the last quarter, median": float(np.median(levels)),
        "dB of recordings, median": float(np.median(known)),
        "flatness of the last quarter, median": float(np.median(flat)),
        "flatness of recordings, median": float(np.median(usual)),
    }


def as_music(audio: Audio, rate: int) -> dict[str, float]:
    """What the docstring of this file tells of one piece of sound."""
    hop = 512 * rate // 16000
    strength = librosa.onset.onset_strength(y=audio, sr=rate, hop_length=hop)
    onsets = librosa.onset.onset_detect(onset_envelope=strength, sr=rate, hop_length=hop)
    frames = rate / hop
    centred = strength - strength.mean()
    recurs = librosa.autocorrelate(centred) / max(float(centred @ centred), 1e-9)
    chroma = librosa.feature.chroma_stft(
        y=audio, sr=rate, hop_length=hop, n_fft=8 * hop, norm=1, tuning=0.0
    )
    bits = entropy(chroma[:, chroma.sum(0) > 0], base=2)
    second = round(frames)
    apart = np.abs(chroma[:, second:] - chroma[:, :-second]).sum(0) / 2
    return {
        "onsets a second": len(onsets) * rate / len(audio),
        "recurrence of beats": float(recurs[int(0.3 * frames) : int(1.5 * frames)].max()),
        "bits of chroma": float(bits.mean()) if bits.size else math.log2(12),
        "change of chroma": float(apart.mean()),
    }


def music(made: list[Audio], held: Held, rate: int) -> dict[str, float]:
    """Takes beside recordings, of more than 2 s each: medians, Kolmogorov-Smirnov statistic."""
    of_made, of_real = (
        [as_music(a, rate) for a in some if len(a) > 2 * rate]
        for some in (made, [a for a, _ in held])
    )
    out: dict[str, float] = {}
    for name in of_made[0] if of_made and of_real else ():
        taken, known = ([each[name] for each in some] for some in (of_made, of_real))
        out[f"{name}, made"] = float(np.median(taken))
        out[f"{name}, real"] = float(np.median(known))
        out[f"{name}, Kolmogorov-Smirnov"] = float(ks_2samp(taken, known).statistic)
    return out


def copies(voice: LatentVoice, held: Held) -> dict[str, float]:
    """Copies of recordings by their codes, and white noise in place of the network's excitation,
    as music: medians."""
    rng = np.random.default_rng(0)
    plans = [
        plan_decoding(voice, voice.encode_recording(a, str(n)), Request())
        for n, (a, _) in enumerate(held)
    ]
    sounds = {
        "copies": synthesize(voice, plans),
        "noise through their filters": [
            Synthesis(filters(voice.config, u.local))(
                rng.normal(0, LEVEL, u.samples).astype(np.float32)
            )
            for u in plans
        ],
    }
    out: dict[str, float] = {}
    for what, audios in sounds.items():
        found = [as_music(a, voice.sample_rate) for a in audios if len(a) > 2 * voice.sample_rate]
        for name in found[0] if found else ():
            out[f"{name}, {what}"] = float(np.median([each[name] for each in found]))
    return out


def by_heart(voice: LatentVoice, data: Dataset, made: list[Codes]) -> float:
    """Share of the seconds of codes in which four fifths of those of the first book are those of a
    second of the recordings trained on."""
    rate = voice.config.conditioning.code_rate
    learned = [voice.encode_recording(data.audio(p), p).codes[:, 0] for p in data.split["train"]]
    seconds = np.lib.stride_tricks.sliding_window_view(np.concatenate(learned), rate)
    shares = [
        (seconds == codes.codes[at : at + rate, 0]).mean(1).max()
        for codes in made
        for at in range(0, len(codes.codes) - rate + 1, rate)
    ]
    return float(np.mean(np.array(shares) >= 0.8))


def main(
    folder: Annotated[Path, typer.Argument(help="The recordings.")],
    voice: Annotated[str, typer.Option(help="Voice file of a voice without texts.")],
    clips: Annotated[int, typer.Option(help="Clips for each measurement.")] = 200,
    takes: Annotated[int, typer.Option(help="Takes from nothing.")] = 16,
    seconds: Annotated[float, typer.Option(help="Of each take.")] = 10.0,
    temperature: Annotated[float, typer.Option(help="Of the takes.")] = 1.0,
) -> None:
    """Print the figures as JSON."""
    v = load_voice(voice)
    data = open_dataset(folder, v.config, allow_bad=True)  # as training may have been told
    held = [
        (data.audio(p), data.speaker_id(p)) for p in data.split["test"] + data.split["validation"]
    ]
    made = takes_from_nothing(v, takes, seconds, temperature)
    figures = stability(v, made, held) | music(made, held, v.sample_rate)
    if isinstance(v, LatentVoice):
        requests = [Request(seed=n, temperature=temperature) for n in range(takes)]
        codes = [draw_codes(v, r, len(made[0])) for r in requests]
        figures |= {"share of seconds by heart": by_heart(v, data, codes)} | copies(v, held)
    elif not isinstance(v, ConditionedVoice):
        figures |= seams(v, held, clips) | silence(v, held, 20)
        if v.model.output.end is not None:
            figures |= endings(v, data, clips)
    print(json.dumps({k: round(f, 5) for k, f in figures.items()}, indent=1))


if __name__ == "__main__":
    script(main)
