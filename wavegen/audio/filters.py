"""The filters of linear prediction (`wavegen.audio.linear_prediction`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.mel_scale import logarithm, mel_bank
from wavegen.audio.taps import COMPRESSION, INPUTS, TAPS
from wavegen.config import Config
from wavegen.errors import VoiceError
from wavegen.products import product

if TYPE_CHECKING:
    from wavegen.audio.local_features import LocalFeatures

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

LEVEL = 1 / 16
"""Approximate root mean square of the excitation; leaves headroom for its pulses."""
FLOOR = 1e-4
"""White noise added to each frame's spectrum, relative to its power: deep gaps between harmonics
would make the filters ring."""
FINE_FLOOR = 1e-5
"""The same for filters of twice the order of speech and more, which are meant to ring with the
notes of music."""
QUIET = 1e-6
"""Amplitude below which a frame is not amplified."""


@dataclass(frozen=True)
class Filters:
    """Prediction filters of an utterance, one for each frame.

    The excitation is e[t] = (x[t] − Σ a[k]·x[t − 1 − k]) / g. After the last frame, its filter
    continues to apply.
    """

    coefficients: Floats
    """(F, K) coefficients a."""
    gains: Floats
    """(F,) g."""
    hop_length: int
    """Samples per frame."""
    lags: NDArray[np.int64]
    """(F,) pitch period in samples, 0 where unvoiced."""

    @property
    def order(self) -> int:
        return int(self.coefficients.shape[1])


def compress(amplitude: Doubles) -> Doubles:
    """Compress amplitudes logarithmically, as the network is given them."""
    return np.copysign(np.log1p(COMPRESSION * np.abs(amplitude)), amplitude)


def by_spectrum(config: Config) -> bool:
    """Whether filters are made of the mel spectrogram."""
    return config.conditioning.linear_prediction and config.conditioning.spectral


def of_excitation(config: Config) -> bool:
    """Whether the network models the excitation of filters that vary."""
    return config.audio.adaptive or by_spectrum(config)


def input_count(config: Config) -> int:
    """Number of `Predictor.inputs` that the network is given."""
    c = config.conditioning
    if config.audio.adaptive:
        return INPUTS
    return (2 * c.signal + (TAPS + 1) * c.period) * by_spectrum(config)


def selection(config: Config) -> slice:
    """The part of `Predictor.inputs` that the configuration asks for, `input_count` of them."""
    c = config.conditioning
    if config.audio.adaptive:
        return slice(INPUTS)
    return slice(0 if c.signal else 2, INPUTS if c.period else 2)


def filters(config: Config, local: LocalFeatures | None) -> Filters:
    """The filters of an utterance with these local features, or with none.

    Raises:
        VoiceError: they adapt to the sound, which isn't there yet.
    """
    if config.audio.adaptive:
        raise VoiceError("a voice for compression (audio.adaptive) can't generate sound")
    rate, hop = config.audio.sample_rate, config.hop_length
    if local is not None and by_spectrum(config):
        mel, f0 = np.asarray(local.mel), np.asarray(local.f0)
        return of_spectrum(mel, f0, rate, hop, config.conditioning.prediction_order)
    emphasis = config.audio.preemphasis
    return Filters(
        np.full((1, int(emphasis > 0)), emphasis, np.float32),
        np.ones(1, np.float32),
        hop,
        np.zeros(1, np.int64),
    )


def usual_order(sample_rate: int) -> int:
    """Coefficients of filters of speech."""
    return round(sample_rate / 1000) + 8


def of_spectrum(
    mel: Floats, f0: Floats, sample_rate: int, hop_length: int, order: int = 0
) -> Filters:
    """All-pole models of mel spectra (autocorrelation method).

    Args:
        mel: (M, F), from `features.mel`.
        f0: (F,) Hz, 0 where unvoiced.
        sample_rate: Hz.
        hop_length: samples per frame.
        order: less than the window of the spectra (four hops); 0: that of speech, the sample rate
            in kHz plus eight.
    """
    usual = usual_order(sample_rate)
    order = order or usual
    floor = FINE_FLOOR if order >= 2 * usual else FLOOR
    power = power_spectrum(mel, sample_rate, hop_length).astype(np.float64)
    correlation: Doubles = np.fft.irfft(power)
    correlation[:, 0] *= 1 + floor
    coefficients, left = predictors(correlation, order)
    gains = np.sqrt(np.maximum(left, QUIET**2)) / LEVEL
    period = np.rint(sample_rate / np.maximum(f0, 1)).astype(np.int64)
    # With a shorter one, the taps would be samples to come.
    lags = np.where((f0 > 0) & (period > TAPS // 2), period, 0)
    return Filters(coefficients.astype(np.float32), gains.astype(np.float32), hop_length, lags)


def predictors(correlation: Doubles, order: int) -> tuple[Doubles, Doubles]:
    """The best linear predictors of signals by Levinson and Durbin's recursion (Rabiner and
    Schafer 1978, §8.3.2), element by element: NumPy's solver rounds as LAPACK's kernels do.

    Args:
        correlation: (F, N) autocorrelations, from a lag of 0 to one of ``order`` or more.
        order: number of coefficients.

    Returns:
        (F, order) coefficients of the last sample, the one before it and so on; and (F,) the mean
        square errors.
    """
    r = np.ascontiguousarray(correlation.T[: order + 1])
    found, error = np.zeros((order, r.shape[1])), r[0]
    for n in range(order):
        before = found[:n].copy()
        reflection = (r[n + 1] - (before * r[n:0:-1]).sum(0)) / error
        found[:n] -= reflection * before[::-1]
        found[n] = reflection
        error = error * (1 - reflection**2)
    return np.ascontiguousarray(found.T), error


def power_spectrum(mel: Floats, sample_rate: int, hop_length: int) -> Floats:
    """Reconstruct power spectra from a mel spectrogram, each band spread evenly over its bins.

    Args:
        mel: (M, F), from `features.mel`.
        sample_rate: Hz.
        hop_length: samples per frame.

    Returns:
        (F, N) from 0 Hz to half the sample rate. The mean over N is the mean power of a sample.
    """
    bank = mel_bank(sample_rate, hop_length, len(mel))
    shares = bank / np.maximum(bank.sum(1, keepdims=True), 1e-9)
    magnitudes = product(np.exp(logarithm(mel.T)) / bank.sum(0), shares.T)  # (F, N)
    low, high = np.flatnonzero(bank.sum(1))[[0, -1]]
    # The outermost bands taper to nothing: extend the spectrum beyond them as a constant.
    magnitudes = np.pad(
        magnitudes[:, low : high + 1], ((0, 0), (low, len(bank) - 1 - high)), mode="edge"
    )
    power: Floats = magnitudes**2 / (1.5 * hop_length)  # the sum of the squared window
    return power
