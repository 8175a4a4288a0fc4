"""What is measured of every frame of a recording to tell whether it sounds as usual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from wavegen.audio.features import mel
from wavegen.errors import VoiceError
from wavegen.scales import ScaledVoice
from wavegen.score.features import tiers
from wavegen.score.likelihood import bits
from wavegen.speech.frontend import Unit
from wavegen.speech.intervals import Tier
from wavegen.speech.predict import Floats
from wavegen.voice import SpeakingVoice, Voice

EDGE = 2
"""Frames at both ends, whose spectrum reaches beyond the recording; they count as the next ones."""
BACKGROUND = (1.0, 10)
"""Seconds around a frame, and the percentile of the level in them that counts as background."""
MERGED = 4
"""Bands of the spectrum that make one of the background."""
PLAIN_BANDS = 40
"""Of the spectrogram of a recording, where the voice is told none."""
MEANING = {
    "bits": "bits per sample, as the network has them",
    "few bits": "fewer than usual",
    "peak": "those of the least likely millisecond",
    "text": "how badly the text's phoneme fits",
    "spectrum": "mel spectrogram",
    "background": "that of the quietest frames nearby",
}
"""What each track is."""


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
        values = {name: v for name, v in self.values.items() if name != "text"}
        return Tracks(self.frame, values, speaker=self.speaker)


@torch.inference_mode()
def measure(
    voice: Voice,
    audio: torch.Tensor,
    speaker: Floats,
    unit: Unit | None = None,
    f0: torch.Tensor | None = None,
) -> Tracks:
    """Measure a recording.

    Bits are those of the samples as the network has them, given the recording's own spectrogram, so
    that they don't depend on its level where the network models an excitation. What the spectrogram
    itself has of an anomaly is told by the track ``spectrum``, and what is said by ``text``: the
    mean of log p(frame | the likeliest phoneme) − log p(frame | its phoneme), by the voice's
    aligner.

    Args:
        voice: the voice.
        audio: (T,) float32 at its rate.
        speaker: (S,) weights of the speakers.
        unit: what is said, in a voice that speaks texts.
        f0: (F,) Hz, if it is known already.

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
    local = voice.observe(audio, who, alignment, f0)
    from scipy.ndimage import uniform_filter1d

    found = bits(voice, audio, who, local).network
    edges = np.arange(0, len(found), hop)
    lengths = np.diff(edges, append=len(found))
    shown = mel(audio, rate, hop, PLAIN_BANDS) if local is None else local.mel
    spectrum = shown.numpy().T
    values: dict[str, NDArray[np.floating]] = {
        "bits": np.add.reduceat(found, edges) / lengths,
        "peak": np.maximum.reduceat(uniform_filter1d(found, max(1, rate // 1000)), edges),
        "spectrum": spectrum,
        "background": background(spectrum, hop / rate),
    }
    if alignment is None or unit is None or not isinstance(voice, SpeakingVoice):
        return Tracks(hop / rate, _columns(values))
    symbols = np.repeat([p for word in alignment.words for p in word], alignment.frames)
    values["text"] = _misfit(voice, audio, who, symbols)
    names = np.array(["", *voice.symbols[1:]])
    return Tracks(
        hop / rate,
        _columns(values),
        names[symbols],
        *tiers(voice, unit, alignment, len(audio) / rate),
    )


def background(spectrum: NDArray[np.floating], frame: float) -> NDArray[np.floating]:
    """(F, D') level of what is always there, of some bands together: a low percentile over time,
    which speech with its pauses doesn't raise (as in minimum statistics; Martin 2001).

    Args:
        spectrum: (F, D).
        frame: seconds of each.
    """
    from scipy.ndimage import percentile_filter

    seconds, percentile = BACKGROUND
    merged = min(MERGED, spectrum.shape[1])
    some = spectrum[:, : spectrum.shape[1] // merged * merged]
    bands = some.reshape(len(spectrum), -1, merged).mean(2)
    frames = min(round(seconds / frame), len(bands))
    low: NDArray[np.floating] = percentile_filter(
        bands, percentile, size=(frames, 1), mode="nearest"
    )
    return low


def _columns(values: dict[str, NDArray[np.floating]]) -> dict[str, Floats]:
    """(F,) and (F, D) arrays as (F, D), with the edges replaced."""
    inner = np.arange(len(values["bits"]))
    if len(inner) > 2 * EDGE:
        inner = np.clip(inner, EDGE, len(inner) - 1 - EDGE)
    return {n: v.reshape(len(v), -1).astype(np.float32)[inner] for n, v in values.items()}


def _misfit(
    voice: SpeakingVoice, audio: torch.Tensor, who: torch.Tensor, symbols: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(F,) how badly each frame fits its symbol, 0 at best."""
    aligner = voice.aligner
    fine = aligner.features(audio, voice.sample_rate)
    each = aligner.likelihoods(fine, who)
    ratio = aligner.hop(voice.sample_rate) / voice.config.hop_length
    at = np.minimum((np.arange(len(each)) * ratio).astype(int), len(symbols) - 1)
    silent = symbols[at] < aligner.silent
    misfit = each.max(1) - each[np.arange(len(each)), np.where(silent, 0, symbols[at])]
    count = np.bincount(at, minlength=len(symbols))
    return np.bincount(at, misfit, len(symbols)) / np.maximum(count, 1)
