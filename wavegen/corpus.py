"""A data set and a configuration to an untrained voice and its training clips."""

from __future__ import annotations

import math
import statistics
import time

import torch
from torch import Tensor

from wavegen.config import Config
from wavegen.data.dataset import Dataset
from wavegen.data.windows import TrainingClip
from wavegen.errors import TrainingError
from wavegen.speech.frontend import symbol_ids, symbol_table
from wavegen.voice import Voice, build


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
    """An untrained voice for a data set, its duration model fitted."""
    torch.manual_seed(config.train.seed)
    units = dataset.units if config.conditioning.features == "phones" else {}
    symbols = symbol_table(list(units.values())) if units else ()
    voice = Voice(
        config,
        *build(config, len(dataset.speakers), len(symbols)),
        speakers=dataset.speakers,
        symbols=symbols,
        words=tuple(sorted({w for u in units.values() for w in u.words})),
        longest=max((len(u.words) for u in units.values()), default=0),
    )
    if voice.durations is not None:
        paths = [p for p in dataset.split["train"] if p in units]
        voice.durations.fit(
            [[p for w in symbol_ids(units[path], symbols) for p in w] for path in paths],
            [_speaker(voice, dataset, path) for path in paths],
            [dataset.entry(path).samples / voice.sample_rate for path in paths],
        )
        voice.durations.requires_grad_(False)
    return voice


def training_clip(voice: Voice, dataset: Dataset, path: str) -> TrainingClip:
    """One clip of the data set with its local features."""
    samples, speaker = dataset.entry(path).samples, _speaker(voice, dataset, path)
    local = None
    if voice.symbols:
        unit = dataset.units[path]

        def local() -> Tensor:
            return voice.unit_features(unit, speaker, samples)

    def audio(begin: int, end: int) -> Tensor:
        return torch.from_numpy(dataset.prepared.audio(path, begin, end))

    return TrainingClip(samples, speaker, audio, local)


def _speaker(voice: Voice, dataset: Dataset, path: str) -> int:
    name = dataset.clips[path].speaker
    return voice.speakers.index(name) if name in voice.speakers else 0


def bits_per_sample(voice: Voice, clips: list[TrainingClip]) -> float:
    """Mean bits per sample over clips, each with its right speaker and text."""
    nats = 0.0
    for c in clips:
        local = None if c.local is None else c.local()
        nats += float(voice.nll(c.audio(0, c.samples), c.speaker, local).double().sum())
    return nats / math.log(2) / max(1, sum(c.samples for c in clips))
