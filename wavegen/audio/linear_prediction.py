"""Linear prediction: the network models the excitation, the residual of a filter, and the synthesis
filter (`wavegen.audio.synthesis_filter`) turns it back into sound.

A mel spectrogram determines a filter for every frame (as in LPCNet, Valin and Skoglund 2019, §3.1).
The network then need not model resonances or loudness, only pulses and noise of a constant level,
and the white noise of its predictions and of µ-law takes on the spectrum of the speech, which masks
it (ExcitNet, Song, Byun and Kang 2019). F0 adds long-term prediction: low frequencies are predicted
from the previous pitch period, as in speech codecs, since harmonics are worth only a tenth of a bit
per sample and a network learns them late. Without a mel spectrogram the filter is constant: a
pre-emphasis, if anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.audio.features import power_spectrum
from wavegen.audio.local_features import LocalFeatures
from wavegen.config import Config

LEVEL = 1 / 16
"""Approximate root mean square of the excitation; leaves headroom for its pulses."""
LIMIT, SMOOTH = 1.6 * LEVEL, 0.01
"""Limit of the excitation's level, and the seconds over which it is measured. Recordings stay
below; generated excitation, which can feed back on itself, is attenuated to this level."""
FLOOR = 1e-4
"""White noise added to each frame's spectrum, relative to its power: deep gaps between harmonics
would make the filters ring."""
QUIET = 1e-6
"""Amplitude below which a frame is not amplified."""
PERIODIC = 0.85
"""Gain of the prediction from the previous period, below `CUTOFF`."""
CUTOFF = 1200.0
"""Hz up to which voices are about this periodic."""
WIDTH = 0.0006
"""Half the length of the low-pass filter in seconds."""


@dataclass(frozen=True)
class Predictor:
    """Short-term and long-term prediction filters of an utterance, one for each frame.

    The residual e[t] is x[t] − Σ a[k]·x[t − 1 − k], divided by the gain. The excitation is
    e[t] − Σ b[j]·e[t − lag − j]. After the last frame, its filters continue to apply.
    """

    coefficients: Tensor
    """(F, K) short-term coefficients a."""
    gains: Tensor
    """(F,)."""
    hop_length: int
    """Samples per frame."""
    taps: Tensor
    """(F, J) long-term coefficients b, zero where unvoiced; J is 0 without long-term prediction."""
    lags: Tensor
    """(F,) int64, at least 1."""
    smooth: float = 0.0
    """Samples over which the synthesis filter limits the excitation's level to `LIMIT` (0: no
    limit)."""

    @property
    def order(self) -> int:
        return self.coefficients.shape[1]

    @property
    def reach(self) -> int:
        """Past samples of audio that can affect one sample of the excitation."""
        pitch = self.taps.shape[1]
        return self.order + (int(self.lags.max()) + pitch - 1 if pitch else 0)

    def excitation(self, audio: Tensor, first: int = 0, known: int = 0) -> Tensor:
        """Compute the excitation of a recording or an excerpt; its values may exceed ±1.

        Args:
            audio: (known + n,) the excerpt, preceded by ``known`` samples of its past.
            first: index in the recording of the excerpt's first sample.
            known: number of past samples: at least `reach`, or all there are.

        Returns:
            (n,) float32.
        """
        residual = self.residual(audio, first - known)
        pitch = self.taps.shape[1]
        if not pitch:
            return residual[known:]
        at = self._frames(first, len(audio) - known)
        index = torch.arange(known, len(audio))[:, None] - self.lags[at, None] - torch.arange(pitch)
        past = residual[index.clamp_min(0)] * (index >= 0)
        return residual[known:] - (past * self.taps[at]).sum(1)

    def residual(self, audio: Tensor, first: int = 0) -> Tensor:
        """(n,) residual e of an excerpt that begins at a recording's sample ``first``, as if only
        silence preceded it."""
        at = self._frames(first, len(audio))
        residual = audio
        if order := self.order:
            past = F.pad(audio, (order, 0)).unfold(0, order, 1)[:-1].flip(1)  # (n, K)
            residual = audio - (past * self.coefficients[at]).sum(1)
        return residual / self.gains[at]

    def _frames(self, first: int, count: int) -> Tensor:
        """(count,) frame index of each sample from ``first`` on."""
        at = torch.arange(first, first + count) // self.hop_length
        return at.clamp_(max=len(self.gains) - 1)


def by_spectrum(config: Config) -> bool:
    """Whether filters are made of the mel spectrogram."""
    return config.conditioning.linear_prediction and config.conditioning.features == "mel"


def predictor(config: Config, local: LocalFeatures | None) -> Predictor:
    """The predictor of an utterance with these local features, or with none."""
    rate, hop = config.audio.sample_rate, config.hop_length
    if local is not None and by_spectrum(config):
        return of_speech(local.mel, local.f0, rate, hop)
    emphasis = config.audio.preemphasis
    return Predictor(
        torch.full((1, int(emphasis > 0)), emphasis),
        torch.ones(1),
        hop,
        torch.zeros(1, 0),
        torch.ones(1, dtype=torch.int64),
    )


def of_speech(mel: Tensor, f0: Tensor, sample_rate: int, hop_length: int) -> Predictor:
    """Prediction filters of speech.

    The short-term filters are all-pole models of the mel spectra (autocorrelation method, order:
    the sample rate in kHz plus eight); the long-term filters predict the low-pass filtered signal
    from the previous pitch period.

    Args:
        mel: (M, F), from `features.mel`.
        f0: (F,) Hz, 0 where unvoiced.
        sample_rate: Hz.
        hop_length: samples per frame.
    """
    order = round(sample_rate / 1000) + 8
    correlation = torch.fft.irfft(power_spectrum(mel, sample_rate, hop_length).double())
    correlation = correlation[:, : order + 1]
    correlation[:, 0] *= 1 + FLOOR
    apart = (torch.arange(order)[:, None] - torch.arange(order)).abs()
    wanted = correlation[:, 1:]
    coefficients = torch.linalg.solve(correlation[:, apart], wanted)
    left = correlation[:, 0] - (coefficients * wanted).sum(1)
    gains = left.clamp_min(QUIET**2).sqrt() / LEVEL
    taps, lags = _pitch(f0, sample_rate)
    smooth = SMOOTH * sample_rate
    return Predictor(coefficients.float(), gains.float(), hop_length, taps, lags, smooth)


def _pitch(f0: Tensor, sample_rate: int) -> tuple[Tensor, Tensor]:
    """(F, J) taps and (F,) lags: a Hann-windowed sinc centred on the period, which need not be a
    whole number of samples."""
    half = round(WIDTH * sample_rate) + 1
    period = sample_rate / f0.double().clamp_min(1)
    voiced = (f0 > 0) & (period > half + 1)  # otherwise the filter would need future samples
    period = torch.where(voiced, period, half + 1)
    lags = period.round().long() - half
    away = lags[:, None] + torch.arange(2 * half + 1) - period[:, None]
    window = 0.5 + 0.5 * torch.cos(math.pi * away / (half + 0.5))
    taps = torch.sinc(2 * CUTOFF / sample_rate * away) * window
    taps *= PERIODIC * voiced[:, None] / taps.sum(1, keepdim=True)
    return taps.float(), lags
