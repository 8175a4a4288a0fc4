"""A data set and a configuration to an untrained voice and its training clips."""

from __future__ import annotations

import functools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from wavegen.config import Config
from wavegen.data.dataset import Dataset
from wavegen.data.windows import TrainingClip
from wavegen.errors import TrainingError
from wavegen.speech import FEATURES, fit
from wavegen.speech.align import Alignment
from wavegen.speech.frontend import symbol_ids, symbol_table
from wavegen.speech.local import Spoken
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
    features = dataset.features
    if config.model.ends and features != "none":
        raise TrainingError(
            "model.ends is for voices without texts, and these have: leave it out, or set "
            "conditioning.features to none"
        )
    if features in FEATURES and FEATURES[features].text and missing:
        raise TrainingError(
            f"conditioning.features is {features}, but {missing} of {len(dataset.clips)} clips in "
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
    units = dataset.units if config.conditioning.features in FEATURES else {}
    return untrained(
        config,
        dataset.speakers,
        symbol_table(units.values()) if units else (),
        tuple(sorted({w for u in units.values() for w in u.words})),
        max((len(u.words) for u in units.values()), default=0),
    )


def fit_speech(
    voice: Voice,
    dataset: Dataset,
    progress: Callable[[str, int, int], None] = lambda phase, done, total: None,
    device: torch.device | str = "cpu",
) -> list[tuple[str, str]]:
    """Train what a voice with text holds beside the WaveNet, on its training clips: the aligner,
    then the acoustic model (on ``device``).

    Args:
        voice: its parts are trained in place.
        dataset: the data.
        progress: called with the phase ("fitting the aligner", "checking the texts", "aligning",
            "fitting the acoustic model") and the rounds, clips or steps done of all in it.
        device: where the acoustic model is trained.

    Returns:
        (path, reason) of the training clips whose text does not fit, as `find_misfits`.
    """
    if voice.aligner is None:
        return []
    paths: Sequence[str] = [p for p in dataset.split["train"] if p in dataset.units]
    fit_aligner(voice, dataset, paths, partial(progress, "fitting the aligner"))
    wrong = find_misfits(voice, dataset, paths, partial(progress, "checking the texts"))
    out = {path for path, _ in wrong}
    paths = _thinned([p for p in paths if p not in out])
    clips = [training_clip(voice, dataset, p) for p in paths]
    speakers = [c.speaker for c in clips]
    spoken = []
    for done, c in enumerate(clips, 1):
        assert c.spoken is not None
        spoken.append(c.spoken())
        progress("aligning", done, len(clips))
    if voice.acoustic is not None:
        recordings = [
            fit.Recording(s.alignment, who, s.octaves, s.mel.half())
            for s, who in zip(spoken, speakers, strict=True)
            if s.alignment and s.octaves is not None and s.mel is not None
        ]
        steps, seed = voice.config.conditioning.acoustic_steps, voice.config.train.seed
        fitting = partial(progress, "fitting the acoustic model")
        fit.fit(voice.acoustic.to(device), recordings, steps, seed, fitting)
        voice.acoustic.to("cpu")
    return wrong


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


def find_misfits(
    voice: Voice,
    dataset: Dataset,
    paths: Sequence[str],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[tuple[str, str]]:
    """(path, reason) of the clips, among those given, that say something else than their text.

    The aligner must have been fitted; `wavegen.speech.misfit` tells how they are found.
    ``progress`` is called with (clips scored, clips).
    """
    assert voice.aligner is not None
    scores, wrong = misfits(
        voice.aligner,
        lambda i: heard(voice, dataset, paths[i]),
        [symbol_ids(dataset.units[p], voice.symbols) for p in paths],
        [speaker_of(voice, dataset, p) for p in paths],
        progress,
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
    return voice.aligner.features(audio, voice.sample_rate)


def _thinned(paths: Sequence[str]) -> Sequence[str]:
    return paths[:: max(1, -(-len(paths) // MOST_ALIGNED))]


def training_clip(voice: Voice, dataset: Dataset, path: str) -> TrainingClip:
    """One clip of the data set; it is aligned when its local features are first asked for."""
    samples, speaker = dataset.entry(path).samples, speaker_of(voice, dataset, path)
    unit = dataset.units.get(path)

    def audio(begin: int, end: int) -> Tensor:
        return torch.from_numpy(dataset.prepared.audio(path, begin, end))

    @functools.cache
    def alignment() -> Alignment | None:
        if unit is None or voice.aligner is None:
            return None
        return voice.align(unit, speaker, audio(0, samples))

    def spoken() -> Spoken:
        f0 = torch.from_numpy(dataset.tracks[path]) if path in dataset.tracks else None
        return voice.observe(audio(0, samples), speaker, None, f0, alignment())

    def local(predicted: bool) -> Tensor:
        known = spoken()
        if predicted and voice.acoustic is not None and known.alignment is not None:
            known = voice.smoothed(known, speaker)
        return voice.features(known)

    has = voice.kind is not None
    return TrainingClip(samples, speaker, audio, local if has else None, spoken if has else None)


def speaker_of(voice: Voice, dataset: Dataset, path: str) -> int:
    """Id of a clip's speaker (0 in data without speakers)."""
    name = dataset.clips[path].speaker
    return voice.speakers.index(name) if name in voice.speakers else 0


def total_bits(voice: Voice, clips: Sequence[TrainingClip]) -> tuple[float, int]:
    """Bits and samples of clips, each with its right speaker and text."""
    nats = 0.0
    for c in clips:
        local = None if c.local is None else c.local(False)
        nats += float(voice.nll(c.audio(0, c.samples), c.speaker, local).double().sum())
    return nats / math.log(2), sum(c.samples for c in clips)
