"""Configuration of what the network is told beside its own samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wavegen.config.bounds import at_least

Features = Literal["auto", "none", "phones_f0", "mel", "latent", "coarse"]

MOST_CODES = 4096
"""Upper limit of `ConditioningConfig.codes`."""
MOST_BOOKS = 32
"""The same of `ConditioningConfig.codebooks`."""
MOST_DRAWN = 256
"""That of codes if a network draws them: its output is that of samples of 8 bits."""


@dataclass(frozen=True)
class ConditioningConfig:
    features: Features = "auto"
    """Local conditioning: ``mel`` (spectrogram and F0, predicted from the text by a voice that
    speaks; without texts the voice is a vocoder), ``phones_f0`` (phonemes, F0 and loudness),
    ``latent`` (the spectrogram that a learned discrete code stands for, and F0), ``none``, or
    ``auto``: mel if every clip has a text, else none. With ``model.scales`` it is ``coarse``, the
    sound of the next coarser scale, which ``none`` and ``auto`` then mean."""
    frame_rate: int = 100
    """Frames of local conditioning per second; must divide the sample rate. With ``model.scales``
    it is the rate of the next coarser one."""
    mel_channels: int = 80
    """Number of bands in the mel spectrogram."""
    f0: bool = True
    """Find F0 where the features include it; otherwise all sound counts as unvoiced. What has
    several pitches at a time, such as music, has none."""
    phase: bool = True
    """With features that include F0, give the network the phase of the pitch period at every
    sample, so that it does not have to learn how F0 becomes pulses. With ``coarse`` features, it is
    told where it is between two samples of the coarser scale."""
    linear_prediction: bool = True
    """With ``mel`` or ``latent`` features, let the network model the excitation: the residual of
    linear prediction by filters computed from the spectrogram. It then need not model resonances
    or loudness. Replaces ``audio.preemphasis``."""
    prediction_order: int = 0
    """Coefficients of such a filter (0: the sample rate in kHz plus eight, for the resonances of
    speech). With a hundred and more, and as many mel bands, filters tell the notes of music."""
    signal: bool = True
    """With linear prediction, give the network the last sample of the sound and the filter's
    prediction of the next one, both divided by the frame's gain."""
    period: bool = True
    """With linear prediction, give the network the excitation around one pitch period ago, where
    voiced."""
    acoustic_channels: int = 160
    """Width of the acoustic model, which predicts durations, F0 and mel spectrogram; the part for
    durations and F0 is half as wide."""
    flow_channels: int = 96
    """Width of the network that draws the spectrogram around the acoustic model's average."""
    acoustic_steps: int = 5000
    """Training steps of the acoustic model, each on about 15 seconds of speech."""
    content_channels: int = 0
    """Width of the content model, which tells what is said in a recording of anybody, so that the
    voice can convert it without its text; for ``mel`` features and texts (0: none)."""
    content_steps: int = 6000
    """Training steps of the content model, each on 16 seconds of speech."""
    code_rate: int = 50
    """Codes per second with ``latent`` features; must divide ``frame_rate``."""
    codes: int = 128
    """Different codes that there are."""
    codebooks: int = 1
    """Codes that are given at a time, each out of a book of its own, which tells what those before
    it leave over."""
    latent_channels: int = 128
    """Width of the networks that turn spectrograms into codes and codes into spectrograms."""
    latent_steps: int = 4000
    """Training steps of them, each on 16 seconds of speech."""
    code_phonemes: float = 0.0
    """With texts, weight of a loss by which the code learns to tell the phonemes, beside that of
    the spectrogram (0: it learns without texts). It then holds more of what is said, and less of
    how; clips without a text don't count, nor do those of more than 1,000 frames. Pieces of so
    many frames are in a batch in place of 200, and so fewer of them. The voice needs no text."""
    prior_steps: int = 0
    """Training steps of a WaveNet that draws codes, and F0 with them, so that the voice makes new
    sound of any length from nothing (0: none); each on 4,096 codes."""
    code_temperature: float = 1.0
    """Temperature of that WaveNet, multiplied by the request's. One that knows a few pieces by
    heart loses its place at 1, and doesn't find its way back."""
    encoder_channels: int = 64
    """Channels of the convolutional encoder of the local features."""
    speaker_channels: int = 16
    """Size of a speaker embedding (unused in data without speakers)."""

    def faults(self) -> list[str]:
        out = at_least("conditioning", self, 2, "acoustic_channels", "codes")
        out += at_least(
            "conditioning",
            self,
            0,
            "content_channels",
            "prediction_order",
            "code_phonemes",
            "prior_steps",
        )
        if self.code_phonemes and self.features != "latent":
            out.append("conditioning.code_phonemes needs conditioning.features latent")
        if self.prior_steps and self.codes > MOST_DRAWN:
            out.append(f"conditioning.prior_steps needs conditioning.codes of at most {MOST_DRAWN}")
        if not 0 <= self.code_temperature <= 2:
            out.append("conditioning.code_temperature must be between 0 and 2")
        if self.codebooks > MOST_BOOKS:
            out.append(f"conditioning.codebooks must be at most {MOST_BOOKS}")
        if self.codes > MOST_CODES:
            out.append(f"conditioning.codes must be at most {MOST_CODES}")
        if self.features == "latent" and self.code_rate > 0 and self.frame_rate % self.code_rate:
            out.append(
                f"conditioning.code_rate {self.code_rate} does not divide "
                f"conditioning.frame_rate {self.frame_rate}"
            )
        return out + at_least(
            "conditioning",
            self,
            1,
            "code_rate",
            "codebooks",
            "content_steps",
            "flow_channels",
            "latent_channels",
            "latent_steps",
            "frame_rate",
            "mel_channels",
            "acoustic_steps",
            "encoder_channels",
            "speaker_channels",
        )

    @property
    def spectral(self) -> bool:
        """Whether the features include a mel spectrogram."""
        return self.features in ("mel", "latent")

    @property
    def symbols(self) -> int:
        """Of each time in a discrete code: F0, if there is any, and the code of each book."""
        return self.codebooks + self.f0

    @property
    def code_frames(self) -> int:
        """Frames that one code stands for."""
        return self.frame_rate // self.code_rate
