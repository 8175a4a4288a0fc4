"""Recordings that don't sound as usual, and the parts that show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from wavegen.config import Config
from wavegen.data.dataset import Dataset
from wavegen.errors import DataError, VoiceError, counted
from wavegen.score.tracks import Tracks, measure
from wavegen.score.usual import FEWEST, Frames, Gumbel, Stretch, Usual, stretches
from wavegen.score.words import Lexicon
from wavegen.voice import SpeakingVoice, Voice

LONGEST = 10.0
"""Seconds. Longer recordings without a text are judged in parts."""
MOST_STRETCHES = 5
"""Of one recording."""


@dataclass(frozen=True)
class Judged:
    """A recording, compared with what is usual."""

    path: str
    tracks: Tracks
    usual: Frames
    """What it is compared with."""
    surprise: float
    """That of its most unusual part, in bits, see `Stretch.surprise`."""
    stretches: tuple[Stretch, ...]
    """Its unusual parts, the most unusual first; empty below the threshold."""

    def words(self, stretch: Stretch) -> str:
        """What is said in a part, where the text is known."""
        start, end = stretch.first * self.tracks.frame, stretch.end * self.tracks.frame
        said = [w for w in self.tracks.words if w.label and w.start < end and w.end > start]
        return " ".join(w.label for w in said)


@dataclass(frozen=True)
class Verdict:
    threshold: float
    """Bits of surprise that make an anomaly."""
    texts: bool
    """Whether recordings are compared phoneme by phoneme."""
    judged: tuple[Judged, ...]
    """The most unusual recordings first."""

    @property
    def anomalous(self) -> tuple[Judged, ...]:
        return tuple(j for j in self.judged if j.stretches)


def folder_config(voice: Voice, layout: str | None = None) -> Config:
    """How to open a folder for a voice: whole recordings at its rate."""
    whole = {"trim_db": 0.0, "padding": 0.0, "fold": "", "longest": LONGEST}
    return voice.config.replace("data", layout=layout or "auto", **whole)


def measure_clips(
    voice: Voice,
    dataset: Dataset,
    speaker: str | None,
    texts: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Tracks]:
    """Measure all clips of a folder, by path.

    Args:
        voice: the voice.
        dataset: opened at the voice's rate.
        speaker: name or id of who speaks in all of them; None: in a voice with several, the one
            that the folder names.
        texts: compare with what is said, where it is known.
        progress: called with (clips done, clips).

    Raises:
        VoiceError: who speaks isn't known.
        TextError: the voice knows none of a text's phonemes, or needs a text.
    """
    out = {}
    lexicon = Lexicon.of(voice) if texts and isinstance(voice, SpeakingVoice) else None
    for done, path in enumerate(dataset.clips, 1):
        name = speaker
        if name is None and len(voice.speakers) > 1:
            name = dataset.clips[path].speaker
            if name not in voice.speakers:
                who = f"'{name}'" if name else "nobody"
                raise VoiceError(
                    f"{path} is of {who}, who is none of voice {voice.name}'s speakers: give "
                    f"--speaker ({', '.join(voice.speakers)})"
                )
        unit = dataset.units.get(path) if isinstance(voice, SpeakingVoice) else None
        f0 = torch.from_numpy(dataset.tracks[path]) if path in dataset.tracks else None
        tracks = measure(
            voice,
            torch.from_numpy(dataset.audio(path).copy()),
            voice.weights(voice.who(name))[0],
            unit if texts or voice.needs_text else None,
            f0,
            lexicon=lexicon,
        )
        out[path] = replace(tracks, speaker=name or "")
        progress(done, len(dataset.clips))
    return out


def judge(recordings: Mapping[str, Tracks], fit: Sequence[Tracks], false_alarms: float) -> Verdict:
    """Rank recordings by how unusual they are.

    Args:
        recordings: by path.
        fit: usual recordings; empty: these recordings, each compared with others of them.
        false_alarms: share of usual recordings that may be called anomalies.

    Raises:
        DataError: there are too few to tell what is usual.
    """
    normal = [*(fit or recordings.values())]
    if len(normal) < FEWEST:
        raise DataError(
            f"{counted(len(normal), 'recording')} can't tell what is usual: give {FEWEST} or more "
            "(--fit names a folder of them)"
        )
    texts = all(r.phonemes is not None for r in (*normal, *recordings.values()))
    if not texts:
        normal = [r.without_text() for r in normal]
        recordings = {path: r.without_text() for path, r in recordings.items()}
    usual = Usual(normal)
    threshold = Gumbel.of(usual.alone).threshold(false_alarms)
    frames = [usual.frames] if fit else usual.others
    judged = [
        _judged(path, r, usual, frames[n % len(frames)], threshold)
        for n, (path, r) in enumerate(recordings.items())
    ]
    return Verdict(threshold, texts, tuple(sorted(judged, key=lambda j: -j.surprise)))


def _judged(path: str, recording: Tracks, usual: Usual, frames: Frames, threshold: float) -> Judged:
    surprises = usual.surprises(recording, frames)
    greatest = max(float(v.max()) for v in surprises.values())
    parts = stretches(surprises, recording, threshold, MOST_STRETCHES)
    return Judged(path, recording, frames, greatest, tuple(parts))
