"""Acoustic features at frame rate. The window of a frame is centred on the frame's samples."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import torchaudio.functional as AF
import torchaudio.transforms as AT
from numpy.typing import NDArray
from torch import Tensor

from wavegen.audio.f0 import MIDDLE_PITCH, running_phase, steps
from wavegen.audio.librosa_cache import one_process_compiles
from wavegen.audio.mel_scale import CEPSTRA, QUIET, scaled

PITCH_RANGE = (60.0, 500.0)
"""Hz: from low men's voices to children's."""
PITCH_BAND = (80.0, 400.0)
"""Hz; what is heard of a recording to find its F0."""
TRANSITION = 35.92
"""Octaves per second, the most that F0 can change by: librosa's default."""
TOLERANCE = 2, 6
"""Of the second pass: parameters of the beta distribution of YIN's thresholds. Its mean is 0.25,
that of the first pass 0.1."""


def mfcc(audio: Tensor, sample_rate: int, hop_length: int) -> Tensor:
    """Mel-frequency cepstral coefficients with their first and second differences.

    Windows of 25 ms; 26 mel bands up to half the sample rate.

    Args:
        audio: (T,) float32 in [-1, 1].
        sample_rate: Hz.
        hop_length: samples per frame.

    Returns:
        (F, 39) float32, F = ceil(T / hop_length).
    """
    window = sample_rate // 40
    size = max(256, _power_of_two(window))
    # A floor of about one 16-bit step keeps digital silence finite.
    floor = torch.randn(audio.shape, generator=torch.Generator().manual_seed(0)) * 3e-5
    transform = _mfcc(sample_rate, hop_length, size, window)
    rows = [transform(_framed(audio + floor, hop_length, size))]  # (13, F)
    width = 5 if hop_length * 100 >= sample_rate else 9  # about 50 ms
    for _ in range(2):
        rows.append(AF.compute_deltas(rows[-1], width))
    return torch.cat(rows).t()


@functools.cache
def _mfcc(sample_rate: int, hop_length: int, size: int, window: int) -> AT.MFCC:
    options = {
        "n_fft": size,
        "win_length": window,
        "hop_length": hop_length,
        "n_mels": 26,
        "center": False,
    }
    return AT.MFCC(sample_rate, CEPSTRA, melkwargs=options)


def mel(audio: Tensor, sample_rate: int, hop_length: int, channels: int) -> Tensor:
    """Log-mel spectrogram of magnitudes.

    Hann windows of four hops, Slaney's mel scale up to half the sample rate, natural logarithm of
    magnitudes of at least `QUIET`, shifted and scaled to about −2…2.

    Args:
        audio: (T,) float32 in [-1, 1].
        sample_rate: Hz.
        hop_length: samples per frame.
        channels: number of bands.

    Returns:
        (channels, F) float32, F = ceil(T / hop_length).
    """
    transform = _mel_spectrogram(sample_rate, hop_length, channels)
    bands = transform(_framed(audio, hop_length, transform.n_fft))
    found: Tensor = scaled(bands.clamp_min(QUIET).log())
    return found


@functools.cache
def _mel_spectrogram(sample_rate: int, hop_length: int, channels: int) -> AT.MelSpectrogram:
    window = 4 * hop_length
    size = _power_of_two(window)
    while True:
        transform = AT.MelSpectrogram(
            sample_rate,
            size,
            window,
            hop_length,
            n_mels=channels,
            power=1.0,
            center=False,
            norm="slaney",
            mel_scale="slaney",
        )
        if (transform.mel_scale.fb.amax(0) > 0).all():
            return transform
        size *= 2  # the lowest bands fall between the bins


def pitch(audio: NDArray[np.float32], sample_rate: int, hop_length: int) -> NDArray[np.float32]:
    """Fundamental frequency by probabilistic YIN (Mauch and Dixon 2014), resolution 0.2 semitones.

    It hears 80 to 400 Hz: below lies the hum of mains and rooms, which it would take for a voice;
    above, harmonics that blur as F0 moves, and noise, in which it would miss a low voice: of the
    vowels of five men of LibriSpeech, 70 % are found up to 1 kHz and 84 % up to 400 Hz.
    Where a recording is no louder than in its pauses there is no voice, only more of the hum.

    A first pass finds the range of the voice; a second one looks there with more tolerance. Without
    it, half of the vowels of a low or hoarse voice can be missed; in the whole range, such
    tolerance takes octaves for one another.

    Args:
        audio: (T,) in [-1, 1].
        sample_rate: Hz.
        hop_length: samples per frame.

    Returns:
        (F,) Hz, rounded to half precision (within a cent), 0 where unvoiced; F = ceil(T /
        hop_length).
    """
    low, high = PITCH_RANGE[0], min(PITCH_RANGE[1], sample_rate / 4)
    heard = _banded(audio, sample_rate)
    size = _power_of_two(round(3 * sample_rate / low))
    framed = _framed(torch.from_numpy(heard), hop_length, size).numpy()
    spoken = _spoken(heard, hop_length)

    def within(low: float, high: float, **options: Any) -> NDArray[np.float64]:
        import librosa

        # With long frames a narrow range is crossed in one of them, and librosa fails on rates at
        # which more would be.
        semitones = math.floor(12 * math.log2(high / low))
        rate = min(TRANSITION, semitones * sample_rate / (12 * hop_length))
        f0, voiced, _ = librosa.pyin(
            framed,
            fmin=low,
            fmax=high,
            sr=sample_rate,
            frame_length=size,
            hop_length=hop_length,
            resolution=0.2,  # its default takes three times as long
            max_transition_rate=rate,
            center=False,
            **options,
        )
        return np.where(voiced & spoken, np.nan_to_num(f0), 0)

    with one_process_compiles("pyin"):
        found = within(low, high)
        if (sure := found[found > 0]).size:
            least, most = np.percentile(sure, (5, 95)) * (0.8, 1.25)
            found = within(max(low, least), min(high, most), beta_parameters=TOLERANCE)
    return found.astype(np.float16).astype(np.float32)  # as stored with prepared audio


def _banded(audio: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """What lies in `PITCH_BAND`, without delay; (T,) to (T,)."""
    from scipy.signal import butter, sosfiltfilt

    low, high = PITCH_BAND
    filters = [butter(6, low, "highpass", fs=sample_rate, output="sos")]
    if high < 0.45 * sample_rate:
        filters.append(butter(2, high, "lowpass", fs=sample_rate, output="sos"))
    sos = np.concatenate(filters)
    heard: NDArray[np.float64] = sosfiltfilt(sos, audio, padlen=min(50, len(audio) - 1))
    return heard.astype(np.float32)


def _spoken(heard: NDArray[np.float32], hop_length: int) -> NDArray[np.bool_]:
    """Whether each frame of (T,) samples is louder than pauses, (F,)."""
    framed = _framed(torch.from_numpy(heard), hop_length, 3 * hop_length)
    power = framed.unfold(0, 3 * hop_length, hop_length).double().square().mean(1).numpy()
    level = 10 * np.log10(power + 1e-12)
    pauses, speech = np.percentile(level, (5, 95))
    spoken: NDArray[np.bool_] = level > min(pauses + 6, speech - 20)
    return spoken


def octaves(f0: Tensor) -> tuple[Tensor, Tensor]:
    """(F,) F0 in Hz (0: unvoiced) to voicing (0 or 1) and octaves relative to `MIDDLE_PITCH` (0
    where unvoiced), both (F,)."""
    voiced = f0 > 0
    log = torch.where(voiced, (f0.clamp_min(1) / MIDDLE_PITCH).log2(), 0.0)
    return voiced.to(log.dtype), log


def phase(
    f0: Tensor, sample_rate: int, hop_length: int, audio: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Phase of the fundamental, which tells where pitch periods begin.

    Args:
        f0: (F,) Hz, 0 where unvoiced.
        sample_rate: Hz.
        hop_length: samples per frame.
        audio: (T,) recording whose phase to measure: the fundamental is demodulated to 0 Hz and
            averaged over Hann windows of 30 ms. Without it, the phase is the integral of F0.

    Returns:
        The phase at each frame's first sample in periods, 0…1, and the periods per sample from
        there to the next frame, both (F,) float32 and 0 where unvoiced.
    """
    voiced = f0 > 0
    if audio is None or not voiced.any():
        begin, step = running_phase(f0.numpy(), sample_rate, hop_length)
        return torch.from_numpy(begin), torch.from_numpy(step)
    rate, edges = map(torch.from_numpy, steps(f0.numpy(), sample_rate, hop_length))
    within = torch.arange(hop_length) * rate[:, None] + edges[:-1, None]
    window = torch.hann_window(_even(0.03 * sample_rate), dtype=torch.float64)
    carrier = torch.exp(-2j * math.pi * within.flatten()[: len(audio)])
    half = len(window) // 2
    moved = F.pad(audio * carrier, (half, half + len(f0) * hop_length - len(audio)))
    found = (moved.unfold(0, len(window), hop_length) * window).sum(1).angle() / (2 * math.pi)
    change = found.diff()
    changes = rate + (change - change.round()) / hop_length
    edges = edges + found
    return (edges[:-1].remainder(1) * voiced).float(), (changes * voiced).float()


def _even(size: float) -> int:
    return 2 * round(size / 2)


def _power_of_two(size: int) -> int:
    return 1 << (size - 1).bit_length()


def _framed(audio: Tensor, hop_length: int, size: int) -> Tensor:
    """Pad audio so that windows of ``size`` samples, one per hop, are centred on their frames."""
    frames = -(-audio.shape[0] // hop_length)
    total = (frames - 1) * hop_length + size
    left = (size - hop_length) // 2
    return F.pad(audio, (left, max(0, total - left - audio.shape[0])))[:total]
