"""Intelligibility and prosody of a voice of one speaker, against the speaker's recordings.

    pip install pocketsphinx jiwer
    python recipes/evaluate_speech.py FOLDER --recipe kathleen --voice kathleen [--sentences 50]

FOLDER holds the recordings the voice was trained on, RECIPE tells their layout. Sentences that
were held out are recognised by pocketsphinx with its own model of English: from the real
recordings, from copies (their mel spectrogram and F0 through the voice), and spoken from the text
alone. Lengths and F0 that the voice predicts are measured against the recordings, beside two
trivial predictors. Last come the latency and speed of a sentence on one core.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import jiwer
import librosa
import numpy as np
import pocketsphinx
import torch
import typer
from numpy.typing import NDArray

from wavegen.audio.features import MIDDLE_PITCH, octaves, pitch
from wavegen.audio.local_features import LocalFeatures
from wavegen.audio.reading import read_audio
from wavegen.audio.writing import write_audio
from wavegen.cli.app import script
from wavegen.data.dataset import Dataset, open_dataset
from wavegen.errors import VoiceError
from wavegen.library import load_voice
from wavegen.recipe import find_recipe, read_config
from wavegen.request import Request
from wavegen.speech.fit import phones
from wavegen.synth import draw, plan, plan_copy, synthesize
from wavegen.text import MARKS, normalise
from wavegen.training.corpus import aligned_recording
from wavegen.voice import SpeakingVoice, Voice

Audio = NDArray[np.float32]


def recognise(decoder: pocketsphinx.Decoder, audio: Audio, rate: int) -> str:
    """The words that pocketsphinx recognises."""
    sound = librosa.resample(audio, orig_sr=rate, target_sr=16000)
    sound = np.pad(0.5 * sound / max(float(np.abs(sound).max()), 1e-4), 4800)
    decoder.start_utt()
    decoder.process_raw((sound * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return "" if hypothesis is None else hypothesis.hypstr


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
    with torch.inference_mode():
        for p in paths:
            clip = aligned_recording(voice, data, p)
            batch, given = phones([clip.alignment], [clip.speaker])
            encoded = voice.acoustic.encode(batch)
            guess = voice.acoustic.durations(encoded, batch.mask)[0].expm1().numpy()
            ids, true = batch.symbols[0].numpy(), given[0].numpy()
            kept = (ids > 0) & (true > 0)
            errors["model"] += list(np.abs(guess - true)[kept] * ms)
            errors["mean"] += list(np.abs(mean - true)[kept] * ms)
            own = np.array([by_symbol.get(i, mean) for i in ids])
            errors["mean of phoneme"] += list(np.abs(own - true)[kept] * ms)
            total = int(given.sum())
            held = voice.acoustic.frames(encoded, given, total)
            _, octave, _ = voice.acoustic.melodies(held, torch.ones(1, 1, total))
            voiced = clip.voicing > 0
            cents["model"] += (1200 * (octave[0] - clip.octaves)[voiced].abs()).tolist()
            cents["mean"] += (1200 * (flat - clip.octaves)[voiced].abs()).tolist()
    out = {f"duration error ms, {k}": float(np.mean(v)) for k, v in errors.items()}
    return out | {f"F0 error cents, {k}": float(np.mean(v)) for k, v in cents.items()}


def melody(audio: Audio, wanted: LocalFeatures, rate: int, hop: int) -> tuple[float, float]:
    """Correlation of log F0 with the plan where both are voiced, and the median difference in
    semitones."""
    voicing, octave = octaves(torch.from_numpy(pitch(audio, rate, hop)))
    n = min(len(octave), wanted.frames)
    both = (voicing[:n] > 0) & (wanted.voicing[:n] > 0)
    a, b = octave[:n][both].numpy(), wanted.octaves[:n][both].numpy()
    return float(np.corrcoef(a, b)[0, 1]), float(12 * np.median(a - b))


def pace(voice: Voice, text: str) -> tuple[float, float]:
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
    return float(np.median(first)), float(np.median(rates))


def main(
    folder: Annotated[Path, typer.Argument(help="The recordings.")],
    recipe: Annotated[str, typer.Option(help="Recipe they were trained with.")] = "kathleen",
    voice: Annotated[str, typer.Option(help="Bundled voice or voice file.")] = "kathleen",
    sentences: Annotated[int, typer.Option(help="Held-out sentences.")] = 50,
    keep: Annotated[Path | None, typer.Option(help="Folder to write the clips into.")] = None,
) -> None:
    """Print the figures as JSON."""
    v = load_voice(voice)
    if not isinstance(v, SpeakingVoice):
        raise VoiceError(f"voice {v.name} was trained without texts")
    data = open_dataset(folder, read_config(find_recipe(recipe)))
    held = (data.split["test"] + data.split["validation"])[:sentences]
    texts = [data.clips[p].text for p in held]
    real = [read_audio(folder / p, v.sample_rate).audio for p in held]
    copies = synthesize(v, [plan_copy(v, folder / p, Request()) for p in held])
    plans = [next(plan(v, Request(text=t))) for t in texts]
    spoken = synthesize(v, plans)
    decoder = pocketsphinx.Decoder(samprate=16000)
    right = [" ".join(w for s in normalise(t) for w in s if w not in MARKS).lower() for t in texts]
    figures: dict[str, float] = {"sentences": len(held)}
    for name, clips in (("real", real), ("copies", copies), ("spoken", spoken)):
        heard = [recognise(decoder, a, v.sample_rate) for a in clips]
        figures[f"word error rate, {name}"] = float(jiwer.wer(right, heard))
        figures[f"level dB, {name}"] = float(
            np.median([20 * np.log10(np.sqrt(np.mean(a**2)) + 1e-9) for a in clips])
        )
        if keep is not None:
            for p, a in zip(held, clips, strict=True):
                (keep / name).mkdir(parents=True, exist_ok=True)
                write_audio(keep / name / f"{Path(p).stem}.wav", a, v.sample_rate)
    figures |= prosody(v, data, held)
    hop = v.config.hop_length
    follow = [
        melody(a, u.local, v.sample_rate, hop)
        for a, u in zip(spoken, plans, strict=True)
        if u.local is not None
    ]
    figures["F0 correlation with the plan"] = float(np.median([c for c, _ in follow]))
    some = texts[:10]
    high = synthesize(v, [next(plan(v, Request(text=t, pitch_shift=4))) for t in some])
    shifts = [
        melody(a, u.local, v.sample_rate, hop)[1]
        for a, u in zip(high, plans, strict=False)
        if u.local is not None
    ]
    figures["semitones of a shift by 4"] = float(np.median(shifts))
    slow = [next(plan(v, Request(text=t, length_scale=1.5))) for t in some]
    ratios = [s.samples / u.samples for s, u in zip(slow, plans, strict=False)]
    figures["length at 1.5"] = float(np.mean(ratios))
    first, rate = pace(v, texts[0])
    figures |= {"seconds to the first sound": first, "times real time, alone": rate}
    print(json.dumps({k: round(f, 4) for k, f in figures.items()}, indent=1))


if __name__ == "__main__":
    script(main)
