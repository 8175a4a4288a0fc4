"""A data set and a configuration to an untrained voice and its training clips."""

from __future__ import annotations

import functools
import math
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from wavegen.config import Config
from wavegen.data.dataset import Dataset
from wavegen.data.windows import TrainingClip
from wavegen.errors import TrainingError
from wavegen.speech.align import Alignment
from wavegen.speech.frontend import symbol_ids, symbol_table
from wavegen.speech.misfit import misfits
from wavegen.voice import Voice, untrained

MOST_ALIGNED = 2000
"""Clips that the aligner learns from; more would only take longer."""


def resolve(config: Config, dataset: Dataset, device: torch.device) -> Config:
    """Settle every ``auto``, so that a resumed run can't decide anew.

    Raises:
        TrainingError: the recipe wants phonemes and not every clip has a text.
    """
    missing = len(dataset.clips) - len(dataset.units)
    features = config.conditioning.features
    if features == "auto":
        features = "none" if missing else "phones"
    if features == "phones" and missing:
        raise TrainingError(
            f"conditioning.features is phones, but {missing} of {len(dataset.clips)} clips in "
            f"{dataset.root} have no text"
        )
    precision = config.train.precision
    if precision == "auto":
        precision = "bf16" if _bf16_pays(device) else "f32"
    return (
        config.replace("data", layout=dataset.layout)
        .replace("conditioning", features=features)
        .replace("train", precision=precision)
    )


def _bf16_pays(device: torch.device) -> bool:
    """Whether bf16 matrix products beat f32 ones here; many CPUs only emulate them."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))

    def seconds(dtype: torch.dtype) -> float:
        a, b = torch.ones(8192, 128, dtype=dtype), torch.ones(128, 128, dtype=dtype)
        times = []
        for _ in range(7):
            start = time.perf_counter()
            a @ b
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    return seconds(torch.bfloat16) < 0.7 * seconds(torch.float32)


def new_voice(config: Config, dataset: Dataset) -> Voice:
    """A voice with random weights for a data set."""
    torch.manual_seed(config.train.seed)
    units = dataset.units if config.conditioning.features == "phones" else {}
    return untrained(
        config,
        dataset.speakers,
        symbol_table(list(units.values())) if units else (),
        tuple(sorted({w for u in units.values() for w in u.words})),
        max((len(u.words) for u in units.values()), default=0),
    )


def fit_speech(
    voice: Voice,
    dataset: Dataset,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Train the aligner and the durations of a voice with text on its training clips.

    ``progress`` is as that of `Aligner.fit`.
    """
    if voice.aligner is None or voice.durations is None:
        return
    paths = _thinned(dataset.split["train"])
    fit_aligner(voice, dataset, paths, progress)
    clips = [training_clip(voice, dataset, p) for p in paths]
    aligned = [
        voice.align(dataset.units[p], c.speaker, c.audio(0, c.samples))
        for p, c in zip(paths, clips, strict=True)
    ]
    rate = voice.config.conditioning.frame_rate
    voice.durations.fit(
        [[p for w in a.words for p in w] for a in aligned],
        [[n / rate for n in a.frames] for a in aligned],
        [c.speaker for c in clips],
    )


def fit_aligner(
    voice: Voice,
    dataset: Dataset,
    paths: Sequence[str],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Train the aligner on clips with a text, at most `MOST_ALIGNED` of them.

    ``progress`` is as that of `Aligner.fit`.
    """
    assert voice.aligner is not None
    paths = _thinned(paths)
    voice.aligner.fit(
        [heard(voice, dataset, p) for p in paths],
        [symbol_ids(dataset.units[p], voice.symbols) for p in paths],
        [speaker_of(voice, dataset, p) for p in paths],
        progress,
    )


def find_misfits(voice: Voice, dataset: Dataset, paths: Sequence[str]) -> list[tuple[str, str]]:
    """(path, reason) of the clips, among those given, that say something else than their text.

    The aligner must have been fitted; `wavegen.speech.misfit` tells how they are found.
    """
    assert voice.aligner is not None
    scores, wrong = misfits(
        voice.aligner,
        lambda i: heard(voice, dataset, paths[i]),
        [symbol_ids(dataset.units[p], voice.symbols) for p in paths],
        [speaker_of(voice, dataset, p) for p in paths],
    )
    usual = statistics.median(scores) if scores else 0.0
    found = []
    for i in wrong:
        why = f"its text does not fit the sound (score {scores[i]:.1f}, usual {usual:.1f})"
        if scores[i] == -math.inf:
            why = "it is too short for its text"
        found.append((paths[i], why))
    return found


def heard(voice: Voice, dataset: Dataset, path: str) -> Tensor:
    """(F, D) features of a clip for the aligner."""
    assert voice.aligner is not None
    audio = torch.from_numpy(dataset.prepared.audio(path, 0, dataset.entry(path).samples))
    return voice.aligner.features(audio, voice.sample_rate, voice.config.hop_length)


def _thinned(paths: Sequence[str]) -> Sequence[str]:
    return paths[:: max(1, -(-len(paths) // MOST_ALIGNED))]


def training_clip(voice: Voice, dataset: Dataset, path: str) -> TrainingClip:
    """One clip of the data set; its local features are aligned when first asked for."""
    samples, speaker = dataset.entry(path).samples, speaker_of(voice, dataset, path)

    def audio(begin: int, end: int) -> Tensor:
        return torch.from_numpy(dataset.prepared.audio(path, begin, end))

    @functools.cache
    def alignment() -> Alignment:
        return voice.align(dataset.units[path], speaker, audio(0, samples))

    def local() -> Tensor:
        return voice.features(alignment())

    return TrainingClip(samples, speaker, audio, local if voice.symbols else None)


def speaker_of(voice: Voice, dataset: Dataset, path: str) -> int:
    """Id of a clip's speaker (0 in data without speakers)."""
    name = dataset.clips[path].speaker
    return voice.speakers.index(name) if name in voice.speakers else 0


def total_bits(voice: Voice, clips: Sequence[TrainingClip]) -> tuple[float, int]:
    """Bits and samples of clips, each with its right speaker and text."""
    nats = 0.0
    for c in clips:
        local = None if c.local is None else c.local()
        nats += float(voice.nll(c.audio(0, c.samples), c.speaker, local).double().sum())
    return nats / math.log(2), sum(c.samples for c in clips)
