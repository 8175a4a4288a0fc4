"""What is measured of every frame of a recording to tell whether it sounds as usual."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from wavegen.audio.features import mel
from wavegen.audio.local_features import LocalFeatures
from wavegen.errors import VoiceError
from wavegen.model.precision import has_bf16
from wavegen.scales import ScaledVoice
from wavegen.score import sound
from wavegen.score.features import tiers
from wavegen.score.likelihood import bits
from wavegen.score.words import Lexicon, fit
from wavegen.speech.alignment import Alignment
from wavegen.speech.frontend import Unit
from wavegen.speech.intervals import Tier
from wavegen.speech.predict import Floats
from wavegen.voice import SpeakingVoice, Voice

EDGE = 2
"""Frames at both ends, whose spectrum reaches beyond the recording; they count as the next ones."""
PLAIN_BANDS = 40
"""Of the spectrogram of a recording, where the voice is told none."""
WINDOWS: dict[str, tuple[float, ...]] = {
    "bits": (1.0,),
    "peak": (0.0, 0.2, 1.0),
    "click": (0.0,),
    "repeats": (0.0,),
    "spectrum": (0.05, 1.0, math.inf),
    "background": (math.inf,),
    "tones": (math.inf,),
    "misfit": (1.0,),
    "rivals": (0.0,),
}
"""Seconds of the windows in which each track is looked at, from a frame to the whole recording."""
MEANING = {
    "bits": "bits per sample, as the network has them",
    "peak": "bits of the least likely millisecond",
    "click": "how far a moment stands out above the sound beside it and the bits around",
    "repeats": "how unlikely so many equal samples are, as in dropouts and clipping",
    "spectrum": "mel spectrogram",
    "background": "that of the quietest frames nearby",
    "tones": "steady low tones, such as hum",
    "misfit": "how badly the text's phoneme fits",
    "rivals": "how much better other words fit than the text's",
}
"""What each track is."""
WITH_TEXT = ("misfit", "rivals")
"""Tracks that need one."""


@dataclass(frozen=True)
class Tracks:
    """Measurements of the F frames of a recording."""

    frame: float
    """Seconds of each."""
    values: dict[str, Floats]
    """(F, D) of each track, by its name."""
    phonemes: NDArray[np.str_] | None = None
    """(F,) where the text is known; silence is empty."""
    words: Tier = ()
    phones: Tier = ()
    speaker: str = ""
    """Who speaks, where a voice has several."""

    @property
    def frames(self) -> int:
        """F."""
        return len(self.values["bits"])

    def without_text(self) -> Tracks:
        """The same, as if the text weren't known."""
        values = {name: v for name, v in self.values.items() if name not in WITH_TEXT}
        return Tracks(self.frame, values, speaker=self.speaker)


class Heard(NamedTuple):
    """What the network makes of a recording, which takes longer than all else."""

    bits: Floats
    """(T,) of each sample as the network has it."""
    local: LocalFeatures | None
    """What it was told of the recording, as tensors."""


@torch.inference_mode()
def hear(
    voice: Voice,
    audio: torch.Tensor,
    speaker: Floats,
    alignment: Alignment | None = None,
    f0: torch.Tensor | None = None,
) -> Heard:
    """Let the network hear a recording; the arguments are those of `measure`."""
    who = torch.from_numpy(speaker)
    local = voice.observe(audio, who, alignment, f0)
    with torch.autocast(voice.device, torch.bfloat16, enabled=has_bf16(torch.device(voice.device))):
        found = bits(voice, audio, who, local)
    return Heard(found.network.astype(np.float32), local)


@torch.inference_mode()
def measure(
    voice: Voice,
    audio: torch.Tensor,
    speaker: Floats,
    unit: Unit | None = None,
    f0: torch.Tensor | None = None,
    heard: Heard | None = None,
    lexicon: Lexicon | None = None,
) -> Tracks:
    """Measure a recording.

    Bits are those of the samples as the network has them, given the recording's own spectrogram, so
    that they don't depend on its level where the network models an excitation. What the spectrogram
    itself has of an anomaly is told by the track ``spectrum``; `MEANING` tells what the others are.

    Args:
        voice: the voice.
        audio: (T,) float32 at its rate.
        speaker: (S,) weights of the speakers.
        unit: what is said, in a voice that speaks texts.
        f0: (F,) Hz, if it is known already.
        heard: by `hear`, if it is known already.
        lexicon: of a voice that speaks texts; None: the text is aligned, but not judged.

    Raises:
        TextError: the voice knows none of the text's phonemes, or needs a text.
        VoiceError: the voice has several scales.
    """
    if isinstance(voice, ScaledVoice):
        raise VoiceError(f"voice {voice.name} has several scales: anomalies takes one without")
    who, config = torch.from_numpy(speaker), voice.config
    rate, hop = voice.sample_rate, config.hop_length
    alignment = None
    if unit is not None and isinstance(voice, SpeakingVoice):
        alignment = voice.align(unit, who, audio)
    found, local = heard or hear(voice, audio, speaker, alignment, f0)
    edges = np.arange(0, len(found), hop)
    shown = mel(audio, rate, hop, PLAIN_BANDS) if local is None else local.mel
    values = sound.measure(audio.numpy(), rate, edges, shown.numpy().T)
    bits_tracks, contrast = network_tracks(found, rate, edges)
    values |= bits_tracks
    values["click"] = sound.sharpness(audio.numpy(), rate, edges) + contrast
    if alignment is None or lexicon is None:
        return Tracks(hop / rate, _columns(values))
    assert unit is not None
    assert isinstance(voice, SpeakingVoice)
    fitting = fit(voice, audio, who, alignment, lexicon)
    values |= fitting._asdict()
    symbols = np.repeat([p for word in alignment.words for p in word], alignment.frames)
    names = np.array(["", *voice.symbols[1:]])
    return Tracks(
        hop / rate,
        _columns(values),
        names[symbols],
        *tiers(voice, unit, alignment, len(audio) / rate),
    )


def network_tracks(
    bits: Floats, rate: int, edges: NDArray[np.int64]
) -> tuple[dict[str, NDArray[np.floating]], NDArray[np.floating]]:
    """(F,) tracks of the bits of a recording's samples: their mean and that of the least likely
    millisecond. And how far the least likely half a millisecond is above the frames around: a click
    has more bits than usual, and since it raises the level that the network is told, what is beside
    it has fewer.

    Args:
        bits: (T,).
        rate: Hz.
        edges: (F,) first sample of each frame.
    """
    from scipy.ndimage import median_filter

    mean = np.add.reduceat(bits, edges) / np.diff(edges, append=len(bits))
    peak, sharp = (
        np.maximum.reduceat(sound.ending(bits.astype(np.float64), rate // part), edges)
        for part in (1000, 2000)
    )
    return {"bits": mean, "peak": peak}, sharp - median_filter(mean, 3, mode="nearest")


def _columns(values: dict[str, NDArray[np.floating]]) -> dict[str, Floats]:
    """(F,) and (F, D) arrays as (F, D), with the edges replaced."""
    inner = np.arange(len(values["bits"]))
    if len(inner) > 2 * EDGE:
        inner = np.clip(inner, EDGE, len(inner) - 1 - EDGE)
    return {n: v.reshape(len(v), -1).astype(np.float32)[inner] for n, v in values.items()}
