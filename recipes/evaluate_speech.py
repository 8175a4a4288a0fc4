"""Sound and prosody of a voice of one speaker, against the speaker's recordings.

    pip install ".[evaluate]"
    python recipes/evaluate_speech.py FOLDER [--voice kathleen] [--peer flite=spoken-by-flite/]

FOLDER holds the recordings that the voice was trained on. Of held-out sentences are judged: the
recordings; copies of them (mel spectrogram and F0 through the voice); the texts, spoken; white
noise in place of the network's excitation, through the filters of the copies; and other programs'
clips, given as folders, named as the recordings. Columns:

OVRL, SIG, BAK, P808  DNSMOS (Reddy et al. 2022), 1 to 5: overall, speech, background; and P.808
distilMOS             distilled XLS-R MOS (Stahl and Gamper 2025), 1 to 5
PER                   phoneme error rate of a small recogniser (hama)
PESQ, STOI, mel dB    copies against the recordings: PESQ (wideband, 1 to 4.64), STOI (0 to 1), and
                      the distance of log-mel spectra
level dB, worst dB    difference from the recording's level: median, and that of the worst clip
F0 semitones, of real standard deviation of F0 in voiced frames; and divided by the recordings'
excitation            root mean square in voiced frames, by the filters that a clip was made with

Of 24 sentences, differences below 0.1 MOS or 2 % of phonemes say nothing. Then come errors of the
lengths and F0 that the voice predicts, beside trivial predictors, how well F0 and lengths follow
what is asked for, and the latency and speed of a sentence on one core.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from judges import COLUMNS, Audio, Judge, decibels, heading, read_clips, row
from numpy.typing import NDArray

from wavegen.audio.f0 import MIDDLE_PITCH
from wavegen.audio.features import octaves, pitch
from wavegen.audio.filters import LEVEL, filters
from wavegen.audio.linear_prediction import predictor
from wavegen.audio.local_features import LocalFeatures
from wavegen.audio.reading import read_audio
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.audio.writing import write_audio
from wavegen.cli.app import script
from wavegen.cli.show import phases
from wavegen.data.dataset import Dataset, open_dataset
from wavegen.drawing import draw
from wavegen.errors import VoiceError
from wavegen.library import load_voice
from wavegen.model.acoustic import whole
from wavegen.request import Request
from wavegen.speech.fit import phones
from wavegen.synth import join, plan, plan_copy, synthesize
from wavegen.training.corpus import aligned_recording
from wavegen.voice import SpeakingVoice, Voice

SIGNAL = {
    "level dB": "+.2f",
    "worst dB": "+.2f",
    "F0 semitones": ".2f",
    "of real": ".2f",
    "excitation": ".4f",
}
"""Columns of the second table, and the formats of their figures."""


@dataclass(frozen=True)
class Clips:
    """One clip for each sentence."""

    audio: list[Audio]
    """(T,) at the voice's rate."""
    local: Sequence[LocalFeatures] = ()
    """What they were made of, if that is known."""
    copies: bool = False
    """Whether they have the recordings' timing."""


def signal(voice: Voice, real: Clips, made: Clips) -> dict[str, float]:
    """The columns `SIGNAL` of clips, as far as they apply."""
    apart = [decibels(y) - decibels(x) for x, y in zip(real.audio, made.audio, strict=True)]
    spread, usual = (f0_spread(voice, c.audio) for c in (made, real))
    figures = {
        "level dB": float(np.median(apart)),
        "worst dB": max(apart, key=abs),
        "F0 semitones": spread,
        "of real": spread / usual,
        "excitation": voiced_excitation(voice, made) if made.local else math.nan,
    }
    return {k: f for k, f in figures.items() if not math.isnan(f)}


def f0_spread(voice: Voice, clips: Sequence[Audio]) -> float:
    """Standard deviation of F0 in semitones, over all voiced frames of clips; NaN without any."""
    f0 = np.concatenate([pitch(a, voice.sample_rate, voice.config.hop_length) for a in clips])
    return float(12 * np.log2(f0[f0 > 0]).std()) if f0.any() else math.nan


def voiced_excitation(voice: Voice, clips: Clips) -> float:
    """Root mean square of the excitation in voiced frames."""
    voiced = []
    for audio, local in zip(clips.audio, clips.local, strict=True):
        excitation = predictor(voice.config, local).excitation(torch.from_numpy(audio))
        at = np.repeat(local.voicing, voice.config.hop_length)[: len(excitation)] > 0
        voiced.append(excitation[: len(at)][torch.from_numpy(at)])
    return float(torch.cat(voiced).square().mean().sqrt())


def white_noise(voice: Voice, copies: Clips, seed: int) -> Clips:
    """Copies, with white noise in place of the network's excitation."""
    random = np.random.default_rng(seed)
    audio = []
    for copy, local in zip(copies.audio, copies.local, strict=True):
        noise = LEVEL * random.standard_normal(len(copy), np.float32)
        audio.append(Synthesis(filters(voice.config, local))(noise))
    return Clips(audio, copies.local, copies=True)


def speak(voice: SpeakingVoice, texts: Sequence[str], request: Request) -> Clips:
    """Speak texts, in the style of a request."""
    plans = [list(plan(voice, replace(request, text=t))) for t in texts]
    drawn = iter(synthesize(voice, [u for p in plans for u in p]))
    hop = voice.config.hop_length
    audio, local = [], []
    for sentences in plans:
        audio.append(join(sentences, [next(drawn) for _ in sentences]))
        parts = [(u.local, voice.pause(u.pause // hop)) for u in sentences if u.local is not None]
        local.append(LocalFeatures.cat([p for pair in parts for p in pair]))
    return Clips(audio, local)


def copy(voice: Voice, files: Sequence[Path], request: Request) -> Clips:
    """Copies of recordings, from their mel spectrograms and F0."""
    plans = [plan_copy(voice, f, request) for f in files]
    local = [u.local for u in plans if u.local is not None]
    return Clips(synthesize(voice, plans), local, copies=True)


def prosody(voice: SpeakingVoice, data: Dataset, paths: list[str]) -> dict[str, float]:
    """Errors of predicted lengths and F0 on held-out clips, with each clip's own lengths for F0."""

    def lengths(some: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        out: list[tuple[int, int]] = []
        for p in some:
            a = aligned_recording(voice, data, p).alignment
            out += zip((s for w in a.words for s in w), a.frames, strict=True)
        symbols, frames = np.array([(s, n) for s, n in out if s > 0 and n > 0]).T
        return symbols, frames

    symbols, frames = lengths(data.split["train"])
    mean = frames.mean()
    by_symbol = {s: frames[symbols == s].mean() for s in np.unique(symbols)}
    errors: dict[str, list[float]] = {"model": [], "mean": [], "mean of phoneme": []}
    cents: dict[str, list[float]] = {"model": [], "mean": []}
    tracks = np.concatenate([data.tracks[p] for p in data.split["train"]])
    flat = float(np.log2(tracks[tracks > 0] / MIDDLE_PITCH).mean())
    ms = 1000 / voice.config.conditioning.frame_rate
    prosody = voice.acoustic.prosody
    with torch.inference_mode():
        for p in paths:
            clip = aligned_recording(voice, data, p)
            batch, given = phones([clip.alignment], [clip.speaker])
            encoded = prosody.phones(batch)
            guess = prosody.durations(encoded, batch.mask)[0][0].expm1().numpy()
            ids, true = batch.symbols[0].numpy(), whole(given)[0].numpy()
            kept = (ids > 0) & (true > 0)
            errors["model"] += list(np.abs(guess - true)[kept] * ms)
            errors["mean"] += list(np.abs(mean - true)[kept] * ms)
            own = np.array([by_symbol.get(i, mean) for i in ids])
            errors["mean of phoneme"] += list(np.abs(own - true)[kept] * ms)
            total = int(true.sum())
            held = prosody.phones.frames(encoded, given, total)
            _, octave, _ = prosody.melodies(held, torch.ones(1, 1, total))
            voiced = clip.voicing > 0
            cents["model"] += (1200 * (octave[0] - clip.octaves)[voiced].abs()).tolist()
            cents["mean"] += (1200 * (flat - clip.octaves)[voiced].abs()).tolist()
    out = {f"duration error ms, {k}": float(np.mean(v)) for k, v in errors.items()}
    return out | {f"F0 error cents, {k}": float(np.mean(v)) for k, v in cents.items()}


def melody(f0: NDArray[np.float32], wanted: LocalFeatures) -> tuple[float, float]:
    """Correlation of log F0 with the plan where both are voiced, and the median difference in
    semitones."""
    voicing, octave = octaves(torch.from_numpy(f0))
    n = min(len(octave), wanted.frames)
    both = (voicing[:n].numpy() > 0) & (wanted.voicing[:n] > 0)
    a, b = octave[:n].numpy()[both], wanted.octaves[:n][both]
    return float(np.corrcoef(a, b)[0, 1]), float(12 * np.median(a - b))


def style(
    voice: SpeakingVoice, texts: Sequence[str], spoken: Clips, request: Request
) -> dict[str, float]:
    """How well F0 and lengths follow what is asked for."""

    def follows(clips: Clips) -> NDArray[np.float64]:
        tracks = [pitch(a, voice.sample_rate, voice.config.hop_length) for a in clips.audio]
        return np.median([melody(t, u) for t, u in zip(tracks, spoken.local, strict=False)], axis=0)

    some = texts[:10]
    high = speak(voice, some, replace(request, pitch_shift=4.0))
    slow = speak(voice, some, replace(request, length_scale=1.5))
    ratios = [b.frames / a.frames for a, b in zip(spoken.local, slow.local, strict=False)]
    return {
        "F0 correlation with the plan": float(follows(spoken)[0]),
        "semitones of a shift by 4": float(follows(high)[1]),
        "length at 1.5": float(np.mean(ratios)),
    }


def pace(voice: Voice, text: str) -> dict[str, float]:
    """Latency and speed: seconds from a sentence's text to its first sound, and seconds of sound
    generated per second after that. One thread, voice loaded, medians of seven."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    first, rates = [], []
    for seed in range(8):
        begin = time.perf_counter()
        utterance = next(plan(voice, Request(text=text, seed=seed)))
        pieces = (audio for _, audio in draw(voice, [utterance]))
        next(pieces)
        heard = time.perf_counter()
        samples = sum(len(audio) for audio in pieces)
        if seed:  # the first compiles
            first.append(heard - begin)
            rates.append(samples / voice.sample_rate / (time.perf_counter() - heard))
    torch.set_num_threads(threads)
    return {
        "seconds to the first sound": float(np.median(first)),
        "times real time, alone": float(np.median(rates)),
    }


def compare(
    voice: Voice, texts: Sequence[str], real: Clips, rows: Mapping[str, Clips]
) -> dict[str, dict[str, float]]:
    """Judge clips, print the two tables as they grow, and return the figures of each row."""
    judge, figures = Judge(), {}
    print(heading(COLUMNS))
    for name, clips in rows.items():
        timed = real.audio if clips.copies else ()
        figures[name] = judge.figures(texts, clips.audio, voice.sample_rate, timed)
        print(row(name, figures[name], COLUMNS), flush=True)
    print("\n" + heading(SIGNAL))
    for name, clips in rows.items():
        figures[name] |= signal(voice, real, clips)
        print(row(name, figures[name], SIGNAL), flush=True)
    return figures


def main(
    folder: Annotated[Path, typer.Argument(help="The recordings.")],
    voice: Annotated[str, typer.Option(help="Bundled voice or voice file.")] = "kathleen",
    sentences: Annotated[int, typer.Option(help="Held-out sentences.", min=1)] = 24,
    peer: Annotated[
        list[str] | None, typer.Option(help="Another program's clips, NAME=FOLDER. Repeatable.")
    ] = None,
    copies: Annotated[
        list[str] | None, typer.Option(help="The same, if they have the recordings' timing.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for all figures.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Folder to write the clips into.")] = None,
) -> None:
    """Print the figures as Markdown."""
    v = load_voice(voice)
    if not isinstance(v, SpeakingVoice):
        raise VoiceError(f"voice {v.name} was trained without texts")
    with phases() as progress:
        data = open_dataset(folder, v.config, progress=progress)
    held = (data.split["test"] + data.split["validation"])[:sentences]
    texts, files = [data.clips[p].text for p in held], [folder / p for p in held]
    others = {}
    for place, timed in [(p, False) for p in peer or ()] + [(c, True) for c in copies or ()]:
        name, _, where = place.partition("=")
        others[name] = Clips(read_clips(Path(where), files, v.sample_rate), copies=timed)
    request = Request(seed=seed)
    copied, spoken = copy(v, files, request), speak(v, texts, request)
    real = Clips([read_audio(f, v.sample_rate).audio for f in files], copied.local, copies=True)
    noise = white_noise(v, copied, seed)
    rows = {"real": real, "copies": copied, "spoken": spoken, "noise": noise} | others
    for name, clips in rows.items():
        for file, audio in zip(files, clips.audio, strict=True):
            if keep is not None:
                (keep / name).mkdir(parents=True, exist_ok=True)
                write_audio(keep / name / f"{file.stem}.wav", audio, v.sample_rate)
    figures = compare(v, texts, real, rows)
    figures["voice"] = prosody(v, data, held) | style(v, texts, spoken, request) | pace(v, texts[0])
    print()
    for name, figure in figures["voice"].items():
        print(f"- {name}: {figure:.3g}")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    script(main)
