"""The worth of conditioning: bits per sample with it and without it."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wavegen.audio.local_features import LocalFeatures
from wavegen.audio.reading import read_audio
from wavegen.data.pieces import bounds, source
from wavegen.errors import DataError
from wavegen.speech.frontend import read_clip
from wavegen.voice import Voice

LONGEST = 10.0
"""Seconds measured of a clip without a text; one with a text is measured in full."""


@dataclass(frozen=True)
class Worth:
    """Bits per sample on a few clips; the first entry is with the right conditioning."""

    bits: dict[str, float]
    clips: int
    seconds: float


def conditioning_worth(
    voice: Voice,
    folder: Path,
    probes: Sequence[Mapping[str, Any]],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Worth:
    """Likelihood of clips with their right conditioning, and with parts of it removed.

    Local features and the output of context stacks are set to zero; the speaker embedding is
    replaced by the mean of all.

    Args:
        voice: the voice.
        folder: the data set's folder.
        probes: ``path`` in the folder, ``sha256``, ``speaker`` and ``text`` of each clip.
        progress: called with (clips measured, clips).

    Raises:
        DataError: a clip is missing, unreadable or has changed.
        TextError: a text can't be read.
    """
    nats: dict[str, float] = defaultdict(float)
    samples = 0
    for done, probe in enumerate(probes, 1):
        audio = _audio(voice, folder, probe["path"], probe["sha256"])
        speaker = voice.speakers.index(probe["speaker"]) if voice.speakers else 0
        unit = None
        if voice.needs_text:
            unit = read_clip(probe["text"], voice.config.data.language)
            if unit is None:
                raise DataError(f"{folder / probe['path']}: its text has no words")
        local = voice.observe(audio, speaker, unit)
        codes, inputs = voice.samples(audio, local)
        given = None if inputs is None else inputs[None]
        for name, (encoded, phase) in _variants(voice, speaker, local).items():
            hop = voice.config.hop_length
            nll = voice.model.nll(codes[None], encoded, hop, phase=phase, given=given)
            nats[name] += float(nll.double().sum())
        if voice.model.stacks:
            nll = voice.nll(audio, speaker, local, context=False)
            nats["context stacks zeroed"] += float(nll.double().sum())
        samples += len(audio)
        progress(done, len(probes))
    if not samples:
        raise DataError("no clip is held out for validation")
    bits = {name: n / math.log(2) / samples for name, n in nats.items()}
    return Worth(bits, len(probes), samples / voice.sample_rate)


def _audio(voice: Voice, folder: Path, clip: str, digest: str) -> Tensor:
    path = folder / source(clip)
    try:
        content = path.read_bytes()
    except OSError as e:
        raise DataError(f"{path} is no longer there") from e
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataError(f"{path} has changed since the run began")
    data = voice.config.data
    audio = read_audio(path, voice.sample_rate, data.trim_db, data.padding).audio
    begin, end = bounds(clip, len(audio))
    audio = audio[begin:end]
    if not voice.needs_text:
        audio = audio[: round(LONGEST * voice.sample_rate)]
    return torch.from_numpy(audio)


@torch.inference_mode()
def _variants(
    voice: Voice, speaker: int, local: LocalFeatures | None
) -> dict[str, tuple[Tensor, Tensor | None]]:
    """(1, F, E) encoded conditioning and (1, T) phase codes, by what is removed from them."""
    count = len(voice.speakers)

    def known(speaker: Tensor | None, local: LocalFeatures | None) -> tuple[Tensor, Tensor | None]:
        c = voice.model.conditioning
        return c.encode(1, speaker, local), c.phase_codes(local, voice.config.hop_length)

    right = torch.tensor([speaker]) if count else None
    given = None if local is None else LocalFeatures.stack([local])
    out = {"right conditioning": known(right, given)}
    if given is not None:
        out["local features zeroed"] = known(right, given.each(torch.zeros_like))
    if count > 1:
        mean = torch.full((1, count), 1 / count)
        out["speaker replaced by the mean"] = known(mean, given)
        if given is not None:
            out["both"] = known(mean, given.each(torch.zeros_like))
    return out
