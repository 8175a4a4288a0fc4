"""What is to be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.local_features import LocalFeatures
from wavegen.request import Request
from wavegen.speakers import SpeakerPath
from wavegen.speech.alignment import Alignment
from wavegen.speech.frontend import Unit
from wavegen.speech.predict import Spoken
from wavegen.text import FEW
from wavegen.voice import SpeakingVoice

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """A phrase as it is spoken, within an utterance."""

    spoken: Spoken
    speaker: SpeakerPath
    pause: int
    """Frames of silence after it."""
    lead: int = 0
    """Frames of silence before it, at the beginning of a text."""

    @property
    def unit(self) -> Unit:
        assert self.spoken.phrase.unit is not None
        return self.spoken.phrase.unit

    @property
    def frames(self) -> int:
        return self.lead + self.spoken.local.frames + self.pause

    def held(self, track: Audio) -> Audio:
        """(N, …) values of its frames, or (1, …), with the silence before and after it: (F, …)."""
        track = np.concatenate([np.repeat(track[:1], self.lead, 0), track])
        return held(track, self.frames)


@dataclass(frozen=True)
class Said:
    """What is said in an utterance, and where; `wavegen.timing` tells when."""

    unit: Unit
    alignment: Alignment
    first: int
    """Its first sample."""
    marks: tuple[tuple[str, int], ...] = ()
    """Named places, each by its sample from there."""


@dataclass(frozen=True)
class Utterance:
    """A planned utterance: all that is known before the first sample is drawn."""

    request: Request
    text: str
    """Its words, or the name of the recording that it copies."""
    speaker: SpeakerPath
    weights: Audio
    """(F, S) of the speakers in each frame, or (1, S) if they don't change."""
    samples: int
    local: LocalFeatures | None = None
    """None for a voice without local features."""
    unknown: tuple[str, ...] = ()
    """Words that were not in the training data of a voice with a small vocabulary."""
    said: tuple[Said, ...] = ()
    pause: int = 0
    """Samples of silence before the next utterance."""
    prompt: Audio | None = None
    """(N,) float32, the recording that it continues; the local features begin with it."""
    ends: bool = False
    """It may end by itself, after ``samples`` at most."""
    volume: Audio | None = None
    """(F,) dB of each frame, where the text sets it."""

    @property
    def begin(self) -> int:
        """Samples of the recording that it continues; 0 without one."""
        return 0 if self.prompt is None else len(self.prompt)

    @property
    def phonemes(self) -> tuple[str, ...]:
        """The phonemes of each word, and punctuation marks."""
        return tuple("".join(p) for said in self.said for p in said.unit.phones)


def held(weights: Audio, frames: int) -> Audio:
    """(N, S) weights, of which the last stay the same up to (frames, S)."""
    return np.concatenate([weights, np.repeat(weights[-1:], frames - len(weights), 0)])


def join_parts(voice: SpeakingVoice, parts: Sequence[Part], request: Request) -> Utterance:
    """An utterance of parts of one speaker, with their pauses between and after them."""
    hop, local, said, at = voice.config.hop_length, list[LocalFeatures](), list[Said](), 0
    speaker, pause = parts[0].speaker, parts[-1].pause
    for n, part in enumerate(parts):
        spoken = part.spoken
        before = part.lead + (parts[n - 1].pause if n else 0)
        local += [voice.pause(before)] if before else []
        local.append(spoken.local)
        marks = tuple((name, frame * hop) for name, frame in spoken.marks)
        said.append(Said(part.unit, spoken.alignment, (at + part.lead) * hop, marks))
        at += part.frames
    features = LocalFeatures.cat(local)
    words = [w for part in parts for w in part.unit.words]
    known = voice.words if len(voice.words) < FEW else words
    weights, volume = parts[0].spoken.weights, None
    if speaker.glides:
        weights = np.concatenate([p.held(p.spoken.weights) for p in parts])[: features.frames]
    if any(p.spoken.volume is not None for p in parts):
        silent = np.zeros(1, np.float32)
        tracks = [p.held(silent if (v := p.spoken.volume) is None else v) for p in parts]
        volume = np.concatenate(tracks)[: features.frames]
    return Utterance(
        request,
        " ".join(words),
        speaker,
        weights,
        features.frames * hop,
        features,
        unknown=tuple(dict.fromkeys(w for w in words if w not in known)),
        said=tuple(said),
        pause=pause * hop,
        volume=volume,
    )
