"""Spectrograms as other people, microphones and rooms would make them.

A network that has to undo this can't tell a voice by its resonances, level or timbre.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from wavegen.audio.mel_scale import mel_silence

WARP = 0.2
"""Frequencies are multiplied by up to the exponential of this, or divided: the vocal tracts of most
people differ by less (Lee and Rose 1998, ±12 %)."""
KNEE = 0.6
"""Of the highest frequency: from there on less, so that it stays where it is."""
TIMBRE = (0.25, 0.2, 0.15, 0.1, 0.1)
"""Standard deviations of level, slope and finer curves of the spectrum; 0.1 is 2.6 dB."""
NOISY, NARROW = 0.4, 0.1
"""Fractions of the spectrograms that get noise, and that end at a lower frequency."""
NOISE = (-1.6, -0.6)
"""Range of the noise's level."""
LEAST = 0.7
"""Of the bands that are left of a narrow spectrogram."""


def disguise(mel: Tensor, frequencies: Tensor, random: torch.Generator) -> Tensor:
    """Change voices and rooms; arguments as of `warp`, and a source of random numbers on the same
    device.

    Returns:
        (B, M, F).
    """
    rows, bands, device = len(mel), mel.shape[1], mel.device

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(rows, 1, 1, generator=random, device=device)

    def curve() -> Tensor:
        """(B, M, 1) smooth over the bands."""
        sizes = torch.randn(rows, len(TIMBRE), generator=random, device=device)
        return (sizes @ waves)[:, :, None]

    at = torch.linspace(0, math.pi, bands, device=device)
    waves = torch.stack([size * (n * at).cos() for n, size in enumerate(TIMBRE)])
    x = warp(mel, frequencies, uniform(-WARP, WARP)[:, 0].exp()) + curve()
    noise = uniform(*NOISE) + 0.7 * curve()
    noise = noise + 0.08 * torch.randn(x.shape, generator=random, device=device)
    # Mel spectrograms are a third of the logarithm; powers add.
    added = torch.logaddexp(6 * x, 6 * noise) / 6
    x = torch.where(uniform(0, 1) < NOISY, added, x)
    beyond = torch.arange(bands, device=device)[:, None] >= uniform(LEAST, 1) * bands
    narrow = (uniform(0, 1) < NARROW) & beyond
    return x.masked_fill(narrow, mel_silence()).clamp_min(mel_silence())


def warp(mel: Tensor, frequencies: Tensor, factor: Tensor) -> Tensor:
    """Move resonances.

    Args:
        mel: (B, M, F).
        frequencies: (M,) of the bands, ascending.
        factor: (B, 1) by which those are multiplied from which each band is taken.

    Returns:
        (B, M, F).
    """
    top = frequencies[-1]
    knee = KNEE * top / factor.clamp_min(1)
    above = factor * knee + (top - factor * knee) * (frequencies - knee) / (top - knee)
    wanted = torch.where(frequencies <= knee, factor * frequencies, above)
    wanted = wanted.clamp(frequencies[0], top)  # (B, M)
    upper = torch.searchsorted(frequencies, wanted).clamp(1, len(frequencies) - 1)
    low, high = frequencies[upper - 1], frequencies[upper]
    share = ((wanted - low) / (high - low))[:, :, None]

    def bands(at: Tensor) -> Tensor:
        return mel.gather(1, at[:, :, None].expand(-1, -1, mel.shape[2]))

    return torch.lerp(bands(upper - 1), bands(upper), share)


def band_frequencies(bank: np.ndarray) -> Tensor:
    """(M,) centre frequencies of the filters of a `mel_bank`, as parts of the highest one."""
    bins = np.linspace(0, 1, len(bank))
    return torch.from_numpy((bins @ bank / bank.sum(0)).astype(np.float32))
