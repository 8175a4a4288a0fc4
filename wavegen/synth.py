"""A voice and a text to sound."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wavegen import mulaw
from wavegen.audio import read_audio
from wavegen.config import Engine, WeightPrecision
from wavegen.data.windows import PAUSE_SECONDS
from wavegen.errors import DataError, TextError, VoiceError, WavegenError
from wavegen.generation import ENGINES
from wavegen.generation.job import Job
from wavegen.generation.uniforms import key
from wavegen.speech.frontend import read_text
from wavegen.text import FEW
from wavegen.voice import PLAIN, Style, Voice

SLICE_SECONDS = 0.05
"""Sound per call of an engine, so that progress and Ctrl-C stay live."""


@dataclass(frozen=True)
class Utterance:
    """A planned utterance: all that is known before the first sample is drawn."""

    text: str
    """Its words."""
    speaker: int
    samples: int
    local: Tensor | None
    """(C, F) local features; None for a voice without text."""
    unheard: tuple[str, ...] = ()
    """Words that a voice of few words never heard in training."""
    spans: tuple[tuple[str, int, int], ...] = ()
    """(words, first sample, end sample) of each unit."""


def plan(
    voice: Voice,
    text: str,
    speaker: int = 0,
    max_seconds: float = math.inf,
    style: Style = PLAIN,
    language: str | None = None,
    silence: float | None = None,
) -> Utterance:
    """Read a text and predict its length, and what it sounds like.

    Args:
        voice: the voice.
        text: anything.
        speaker: id.
        max_seconds: refuse to speak for longer.
        style: of the speech.
        language: how to read the text, as espeak-ng names it (default: the voice's).
        silence: seconds between sentences, or what the voice speaks in one go (default: the mean
            of the pauses in training).

    Raises:
        TextError: the text has nothing to speak, no sound that the voice knows, or would take
            more than ``max_seconds``.
        VoiceError: the voice was trained without texts.
    """
    if not voice.symbols:
        raise VoiceError(f"voice {voice.name} was trained without texts: it {_can(voice)}")
    known = voice.words if len(voice.words) < FEW else ()
    language = language or voice.config.data.language
    units = list(read_text(text, voice.longest, known, language))
    if not units:
        raise TextError("the text holds no words to speak")
    hop, rate = voice.config.hop_length, voice.config.conditioning.frame_rate
    pause = round((sum(PAUSE_SECONDS) / 2 if silence is None else silence) * rate)
    parts = [voice.predict(unit, speaker, style) for unit in units]
    lengths = [sum(p.alignment.frames) for p in parts if p.alignment]
    frames = sum(lengths) + pause * (len(units) - 1)
    if frames / rate > max_seconds:
        raise TextError(
            f"this would speak for {frames / rate:.0f} s, more than --max-seconds {max_seconds:g}"
        )
    pieces: list[Tensor] = []
    spans = []
    at = 0
    for unit, part, length in zip(units, parts, lengths, strict=True):
        if pieces:
            pieces.append(voice.pause(pause))
            at += pause
        pieces.append(voice.features(part))
        begin, at = at, at + length
        spans.append((" ".join(unit.words), begin * hop, at * hop))
    words = [w for u in units for w in u.words]
    unheard = dict.fromkeys(w for w in words if w not in known) if known else ()
    return Utterance(
        " ".join(words),
        speaker,
        frames * hop,
        torch.cat(pieces, 1),
        tuple(unheard),
        tuple(spans),
    )


def _can(voice: Voice) -> str:
    if voice.symbols:
        return "speaks texts"
    return "makes sound of any length" if voice.kind is None else "copies recordings (vocode)"


def plan_seconds(voice: Voice, seconds: float, speaker: int = 0) -> Utterance:
    """An utterance of a voice without text, of a given length; raises `VoiceError` otherwise."""
    if voice.kind is not None:
        raise VoiceError(f"voice {voice.name} {_can(voice)}; its length can't be set in seconds")
    return Utterance("", speaker, max(1, round(seconds * voice.sample_rate)), None)


def plan_copy(voice: Voice, file: Path, speaker: int = 0) -> Utterance:
    """The utterance of a recording, for a voice with mel features.

    Raises:
        VoiceError: it has others.
        DataError: the recording can't be read, or holds nothing.
    """
    if voice.kind is None or voice.kind.text:
        raise VoiceError(f"voice {voice.name} is not conditioned on mel spectrograms alone")
    audio = read_audio(file, voice.sample_rate).audio
    if not len(audio):
        raise DataError(f"{file} holds no samples at {voice.sample_rate} Hz")
    local = voice.features(voice.observe(torch.from_numpy(audio), speaker, None))
    return Utterance(file.name, speaker, len(audio), local)


def synthesize(
    voice: Voice,
    utterances: Sequence[Utterance],
    seeds: Sequence[int] | int = 0,
    temperature: float = 1.0,
    engine: Engine | None = None,
    precision: WeightPrecision | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[NDArray[np.float32]]:
    """Draw the samples of utterances of any lengths.

    Args:
        voice: the voice.
        utterances: from `plan` or `plan_seconds`.
        seeds: one for all, or one each.
        temperature: below 1 is quieter and plainer, 0 takes the most likely sample.
        engine: default: `numba` for a voice on the CPU, else `cached`.
        precision: of the weights, in `numba` (default: its own).
        progress: called with (samples drawn, samples to draw) of all utterances, with 0 once the
            engine is ready.

    Returns:
        Mono float32 in [-1, 1] for each utterance.
    """
    if not temperature >= 0:
        raise WavegenError(f"temperature {temperature} must be at least 0")
    if isinstance(seeds, int):
        seeds = [seeds] * len(utterances)
    on_cpu = voice.model.skip_bias.device.type == "cpu"
    engine = engine or ("numba" if on_cpu else "cached")
    options: dict[str, Any] = {"precision": precision} if precision else {}
    if engine == "numba" and not on_cpu:
        raise WavegenError("engine numba needs the voice on the CPU")
    if engine != "numba" and options:
        raise WavegenError(f"engine {engine} takes no precision; numba does")
    names = voice.speakers or ("",)
    voice.model.eval()
    # Encoded one by one, so that an utterance does not depend on its company.
    jobs = [
        Job(
            voice.rows(u.speaker, u.local)[0],
            u.samples,
            key(seed, u.text, names[u.speaker]),
            temperature,
        )
        for u, seed in zip(utterances, seeds, strict=True)
    ]
    codes = [np.empty(u.samples, np.uint8) for u in utterances]
    filled = [0] * len(utterances)
    total = sum(u.samples for u in utterances)
    block = max(1, round(voice.sample_rate * SLICE_SECONDS))
    pieces = ENGINES[engine](voice.model, jobs, voice.config.hop_length, block, **options)
    progress(0, total)
    for i, piece in pieces:
        codes[i][filled[i] : filled[i] + len(piece)] = piece.cpu().numpy()
        filled[i] += len(piece)
        progress(sum(filled), total)
    return [mulaw.decode(torch.from_numpy(c)).numpy() for c in codes]
