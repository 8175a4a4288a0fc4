"""Linear prediction: the network hears and makes the excitation, what a filter leaves of the sound,
and the inverse filter makes sound of it again.

Where the mel spectrogram is known, it gives a filter for every frame (as in LPCNet, Valin and
Skoglund 2019, §3.1), which takes resonances and loudness out of the network's hands: it has pulses
and noise of one level to make, and the noise of its doubt and of µ-law, which would be as strong at
all frequencies, gets the spectrum of the speech, which hides it (ExcitNet, Song, Byun and Kang
2019). Elsewhere the filter is at most a pre-emphasis, the same for all time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.signal import lfilter, lfiltic
from torch import Tensor

from wavegen.config import Config
from wavegen.features import power_spectrum

LEVEL = 1 / 16
"""Root mean square of the excitation, about: its pulses have room below 1."""
FLOOR = 1e-4
"""White noise added to each frame's spectrum, as a share of its power: deep gaps between harmonics
would make filters that ring."""
QUIET = 1e-6
"""Amplitude below which a frame is not made louder."""


@dataclass(frozen=True)
class Predictor:
    """x[t] less Σ a[k]·x[t − 1 − k], divided by a gain, is the excitation."""

    coefficients: Tensor
    """(F, K) of each frame; past their end the last row holds."""
    gains: Tensor
    """(F,)."""
    hop_length: int
    """Samples per frame."""

    @property
    def order(self) -> int:
        return self.coefficients.shape[1]

    def excitation(self, audio: Tensor, first: int = 0, known: int = 0) -> Tensor:
        """That of a recording or a piece of it; its values may go beyond ±1.

        Args:
            audio: (known + n,) the piece, after as much of its past as is known.
            first: where in the recording the piece begins.
            known: samples of the past, at least `order` or all there are.

        Returns:
            (n,) float32.
        """
        count, order = len(audio) - known, self.order
        at = (torch.arange(first, first + count) // self.hop_length).clamp_(max=len(self.gains) - 1)
        excitation = audio[known:]
        if order:
            past = F.pad(audio, (order, 0))[known:-1].unfold(0, order, 1).flip(1)  # (n, K)
            excitation = excitation - (past * self.coefficients[at]).sum(1)
        return excitation / self.gains[at]


def by_spectrum(config: Config) -> bool:
    """Whether filters are made of the mel spectrogram."""
    return config.conditioning.linear_prediction and config.conditioning.features == "mel"


def predictor(config: Config, local: Tensor | None) -> Predictor:
    """That of an utterance with (C, F) local features, or none."""
    if local is not None and by_spectrum(config):
        bands = local[: config.conditioning.mel_channels]
        return of_mel(bands, config.audio.sample_rate, config.hop_length)
    emphasis = config.audio.preemphasis
    return Predictor(torch.full((1, int(emphasis > 0)), emphasis), torch.ones(1), config.hop_length)


def of_mel(mel: Tensor, sample_rate: int, hop_length: int) -> Predictor:
    """All-pole models of (M, F) mel spectra by the autocorrelation method; the order is eight more
    than the kilohertz."""
    order = round(sample_rate / 1000) + 8
    correlation = torch.fft.irfft(power_spectrum(mel, sample_rate, hop_length).double())
    correlation = correlation[:, : order + 1]
    correlation[:, 0] *= 1 + FLOOR
    lags = (torch.arange(order)[:, None] - torch.arange(order)).abs()
    wanted = correlation[:, 1:]
    coefficients = torch.linalg.solve(correlation[:, lags], wanted)
    left = correlation[:, 0] - (coefficients * wanted).sum(1)
    gains = left.clamp_min(QUIET**2).sqrt() / LEVEL
    return Predictor(coefficients.float(), gains.float(), hop_length)


class Synthesis:
    """Excitation to sound, of one clip in pieces; how it is cut changes no bit.

    Args:
        predictor: that of the excitation.
        before: (N,) the sound before it, which the frames begin with.
    """

    def __init__(self, predictor: Predictor, before: NDArray[np.float32] | None = None) -> None:
        self._gains = predictor.gains.double().numpy()
        self._filters = F.pad(-predictor.coefficients.double(), (1, 0), value=1).numpy()
        self._hop = predictor.hop_length
        order = predictor.order
        self._at = 0 if before is None else len(before)
        self._past = np.zeros(order)
        if before is not None and order:
            known = before[-order:]
            self._past[order - len(known) :] = known
        self._frame = -1
        self._state: Any = None

    def __call__(self, excitation: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next piece, clipped to ±1."""
        out = np.empty(len(excitation))
        order, last = len(self._past), len(self._gains) - 1
        done = 0
        while done < len(out):
            frame = min(self._at // self._hop, last)
            room = len(out) if frame == last else (frame + 1) * self._hop - self._at
            part = excitation[done : done + room] * self._gains[frame]
            if order:
                taps = self._filters[frame]
                if frame != self._frame:
                    self._state = lfiltic([1.0], taps, self._past[::-1])
                    self._frame = frame
                part, self._state = lfilter([1.0], taps, part, zi=self._state)
                self._past = np.concatenate([self._past, part])[-order:]
            out[done : done + len(part)] = part
            done += len(part)
            self._at += len(part)
        return out.astype(np.float32).clip(-1, 1)
