"""Conversion between the speakers of a digits voice, by a discrete code or by the text.

    python recipes/evaluate_latents.py RECORDINGS --voice runs/latents/voice.safetensors
    python recipes/evaluate_latents.py RECORDINGS --voice digits

RECORDINGS is the folder that the voice was trained on. A voice without latent features is told what
the recordings say. The two support vector machines of evaluate_digits.py learn digit and speaker
from the real recordings of the training split. Held-out recordings, each said by every other
speaker (`wavegen convert`), are classified, and so are their copies (`wavegen vocode`) and the
recordings themselves. What a converted recording has of the target is new to the first machine in
the source's timing and accent: how well it does with the real recordings of a speaker that it has
not learned from is told, too. Of a voice of codes, so is how they are used, and how often the
speaker of a recording is recognised from the histogram of its codes; and, where the voice draws
codes, how sure a logistic regression is of the digit in clips drawn from nothing.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from evaluate_digits import Audio, classifier, features, share
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from wavegen.audio.reading import read_audio
from wavegen.cli.app import script
from wavegen.conversion import plan_conversion
from wavegen.data.layouts import find_clips
from wavegen.data.split import split_clips
from wavegen.latents import LatentVoice
from wavegen.library import load_voice
from wavegen.model.latent import occurrences
from wavegen.request import Request
from wavegen.speech.coding import use
from wavegen.synth import plan, plan_copy, synthesize


def of_codes(
    voice: LatentVoice,
    audio: dict[str, Audio],
    speakers: dict[str, str],
    train: Sequence[str],
    held: Sequence[str],
) -> dict[str, float]:
    """How the codes of recordings, (T,) by their paths, are used, and how often the speakers of the
    held-out ones are recognised by them."""
    bins, counts = voice.config.conditioning.codes, {}
    for path, a in audio.items():
        codes = torch.from_numpy(voice.encode_recording(a, path).codes.astype(np.int64))
        counts[path] = occurrences(codes, bins).sum(0)
    found = use(torch.stack([*counts.values()]).sum(0))
    parts = {p: (n / n.sum(1, keepdim=True)).flatten().numpy() for p, n in counts.items()}
    told = classifier([parts[p] for p in train], [speakers[p] for p in train])
    right = share(told, [parts[p] for p in held], [speakers[p] for p in held])
    return {
        "codes used": found.used,
        "perplexity": found.perplexity,
        "speakers, by the codes alone": right,
    }


def main(
    recordings: Annotated[Path, typer.Argument(help="Folder of the recordings.")],
    voice: Annotated[str, typer.Option(help="Voice file.")],
    count: Annotated[int, typer.Option("--clips", help="Held-out recordings.", min=1)] = 60,
    seed: Annotated[int, typer.Option(help="Of the choice, and of all that is drawn.")] = 0,
) -> None:
    """Print the figures as JSON."""
    v = load_voice(voice)
    rate, data = v.sample_rate, v.config.data
    clips = find_clips(recordings, data).clips
    by_path = {c.path: c for c in clips}
    split = split_clips(clips, data.validation, data.test, v.config.train.seed)
    held = sorted(split["validation"] + split["test"])
    held = random.Random(seed).sample(held, min(count, len(held)))
    audio = {p: read_audio(recordings / p, rate).audio for p in (*split["train"], *held)}
    known = [features(audio[p], rate) for p in split["train"]]
    digit = classifier(known, [by_path[p].text for p in split["train"]])
    speaker = classifier(known, [by_path[p].speaker for p in split["train"]])

    jobs = [(p, s) for p in held for s in v.speakers if s != by_path[p].speaker]
    said = {p: None if isinstance(v, LatentVoice) else by_path[p].text for p in held}
    plans = [
        plan_conversion(v, recordings / p, Request(speaker=s, text=said[p], seed=seed))
        for p, s in jobs
    ]
    copies = [
        plan_copy(v, recordings / p, Request(speaker=by_path[p].speaker, seed=seed)) for p in held
    ]
    sets: dict[str, tuple[list[Audio], list[tuple[str, str]]]] = {
        "real": ([audio[p] for p in held], [(p, by_path[p].speaker) for p in held]),
        "copies": (synthesize(v, copies), [(p, by_path[p].speaker) for p in held]),
        "converted": (synthesize(v, plans), jobs),
    }
    figures: dict[str, float] = {}
    for name, (sounds, of) in sets.items():
        x = [features(a, rate) for a in sounds]
        figures[f"digits, {name}"] = share(digit, x, [by_path[p].text for p, _ in of])
        figures[f"speakers, {name}"] = share(speaker, x, [s for _, s in of])
        if name == "converted":
            source = [by_path[p].speaker for p, _ in of]
            figures["speakers, converted: the source"] = share(speaker, x, source)
    unseen = []
    for s in v.speakers:
        others = [i for i, p in enumerate(split["train"]) if by_path[p].speaker != s]
        told = classifier(
            [known[i] for i in others], [by_path[split["train"][i]].text for i in others]
        )
        mine = [p for p in held if by_path[p].speaker == s]
        x = [features(audio[p], rate) for p in mine]
        unseen.append(share(told, x, [by_path[p].text for p in mine]))
    figures["digits, real, of a speaker not learned from"] = float(np.mean(unseen))
    if isinstance(v, LatentVoice) and v.prior_part is not None:
        sure = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        sure.fit(np.stack(known), [by_path[p].text for p in split["train"]])
        lengths = [(len(audio[p]) / rate, by_path[p].speaker) for p in held]
        asked = [Request(speaker=s, seconds=n, seed=seed + i) for i, (n, s) in enumerate(lengths)]
        sets["drawn"] = synthesize(v, [next(plan(v, r)) for r in asked]), []
        for name in ("real", "copies", "drawn"):
            heard = np.stack([features(a, rate) for a in sets[name][0]])
            most = sure.predict_proba(heard).max(1)
            figures[f"a digit of probability 0.8 and more, {name}"] = float(np.mean(most >= 0.8))
            figures[f"probability of the likeliest digit, {name}"] = float(most.mean())
    if isinstance(v, LatentVoice):
        speakers = {p: by_path[p].speaker for p in audio}
        figures |= of_codes(v, audio, speakers, split["train"], held)
    print(json.dumps({k: round(f, 4) for k, f in figures.items()}, indent=1))


if __name__ == "__main__":
    torch.set_num_threads(1)
    script(main)
