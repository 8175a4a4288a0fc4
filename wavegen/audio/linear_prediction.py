"""Linear prediction: the network hears and makes the excitation, what a filter leaves of the sound,
and the inverse filter (`wavegen.audio.synthesis_filter`) makes sound of it again.

Where the mel spectrogram is known, it gives a filter for every frame (as in LPCNet, Valin and
Skoglund 2019, §3.1), which takes resonances and loudness out of the network's hands: it has pulses
and noise of one level to make, and the noise of its doubt and of µ-law, which would be as strong at
all frequencies, gets the spectrum of the speech, which hides it (ExcitNet, Song, Byun and Kang
2019). Where F0 is known, too, low frequencies are predicted from the period before, as in speech
codecs: harmonics are worth only a tenth of a bit per sample, and a network learns them late.
Elsewhere the filter is at most a pre-emphasis, the same for all time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.audio.features import hertz, power_spectrum
from wavegen.config import Config

LEVEL = 1 / 16
"""Root mean square of the excitation, about: its pulses have room below 1."""
LIMIT, SMOOTH = 1.6 * LEVEL, 0.01
"""Level of the excitation over so many seconds that recordings do not reach. What a network draws
does now and then, and gets louder from itself; it is turned down to this."""
FLOOR = 1e-4
"""White noise added to each frame's spectrum, as a share of its power: deep gaps between harmonics
would make filters that ring."""
QUIET = 1e-6
"""Amplitude below which a frame is not made louder."""
PERIODIC = 0.85
"""Of the period before, below `CUTOFF`."""
CUTOFF = 1200.0
"""Hz, up to which voices are about as periodic as that."""
WIDTH = 0.0006
"""Seconds, half of the low-pass filter's length."""


@dataclass(frozen=True)
class Predictor:
    """e[t] is x[t] less Σ a[k]·x[t − 1 − k], divided by a gain; the excitation is e[t] less
    Σ b[j]·e[t − lag − j]. Past the end of the frames the last row of each holds."""

    coefficients: Tensor
    """(F, K) a of each frame."""
    gains: Tensor
    """(F,)."""
    hop_length: int
    """Samples per frame."""
    taps: Tensor
    """(F, J) b of each frame, zeros where there is no voice; J is 0 where there never is one."""
    lags: Tensor
    """(F,) int64, at least 1."""
    smooth: float = 0.0
    """Samples over which the level of an excitation to be made into sound is at most `LIMIT`; 0
    where it may have any."""

    @property
    def order(self) -> int:
        return self.coefficients.shape[1]

    @property
    def reach(self) -> int:
        """Past samples that can reach one of the excitation."""
        pitch = self.taps.shape[1]
        return self.order + (int(self.lags.max()) + pitch - 1 if pitch else 0)

    def excitation(self, audio: Tensor, first: int = 0, known: int = 0) -> Tensor:
        """That of a recording or a piece of it; its values may go beyond ±1.

        Args:
            audio: (known + n,) the piece, after as much of its past as is known.
            first: where in the recording the piece begins.
            known: samples of the past, at least `reach` or all there are.

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
        """(n,) e of a piece that begins at a recording's sample ``first``, as if it came after
        silence."""
        at = self._frames(first, len(audio))
        residual = audio
        if order := self.order:
            past = F.pad(audio, (order, 0)).unfold(0, order, 1)[:-1].flip(1)  # (n, K)
            residual = audio - (past * self.coefficients[at]).sum(1)
        return residual / self.gains[at]

    def _frames(self, first: int, count: int) -> Tensor:
        """(count,) the frame of each sample from ``first`` on."""
        at = torch.arange(first, first + count) // self.hop_length
        return at.clamp_(max=len(self.gains) - 1)


def by_spectrum(config: Config) -> bool:
    """Whether filters are made of the mel spectrogram."""
    return config.conditioning.linear_prediction and config.conditioning.features == "mel"


def predictor(config: Config, local: Tensor | None) -> Predictor:
    """That of an utterance with (C, F) local features, or none."""
    rate, hop, bands = config.audio.sample_rate, config.hop_length, config.conditioning.mel_channels
    if local is not None and by_spectrum(config):
        return of_speech(local[:bands], hertz(local[bands : bands + 2]), rate, hop)
    emphasis = config.audio.preemphasis
    return Predictor(
        torch.full((1, int(emphasis > 0)), emphasis),
        torch.ones(1),
        hop,
        torch.zeros(1, 0),
        torch.ones(1, dtype=torch.int64),
    )


def of_speech(mel: Tensor, f0: Tensor, sample_rate: int, hop_length: int) -> Predictor:
    """All-pole models of mel spectra, by the autocorrelation method and of an order eight more than
    the kilohertz, and the period before, low-pass filtered.

    Args:
        mel: (M, F), from `features.mel`.
        f0: (F,) Hz, 0 where there is no voice.
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
    """(F, J) taps and (F,) lags: a Hann-windowed sinc around the period, in fractions of samples
    where that is between two."""
    half = round(WIDTH * sample_rate) + 1
    period = sample_rate / f0.double().clamp_min(1)
    voiced = (f0 > 0) & (period > half + 1)  # else its filter would reach into the future
    period = torch.where(voiced, period, half + 1)
    lags = period.round().long() - half
    away = lags[:, None] + torch.arange(2 * half + 1) - period[:, None]
    window = 0.5 + 0.5 * torch.cos(math.pi * away / (half + 0.5))
    taps = torch.sinc(2 * CUTOFF / sample_rate * away) * window
    taps *= PERIODIC * voiced[:, None] / taps.sum(1, keepdim=True)
    return taps.float(), lags
