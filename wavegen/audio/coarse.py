"""The sound at a lower rate, as the next finer network of several scales is told of it.

As in SampleRNN (Mehri et al. 2017) and multi-scale PixelRNN (van den Oord et al. 2016, §3.6): what
is drawn at a low rate, where a network sees far, conditions what is drawn at a higher one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.local_features import Array, LocalFeatures, silence

Floats = NDArray[np.float32]

UNSETTLED = 16
"""Samples at the end of a lowered recording that depend much on what would follow it."""
LEVEL = 1 / 8
"""Amplitude that is told as 1."""
KNEE = 1 / 64
"""Amplitude that is compressed to one half."""


def decimate(audio: Floats, ratio: int) -> Floats:
    """A recording at its rate divided by ``ratio``, without what lies above half of that.

    The filter is libsoxr's, of linear phase: sample n lies at sample n · ratio of the recording.

    Args:
        audio: (T,).
        ratio: 2 or more.

    Returns:
        (F,) in [-1, 1], F = ceil(T / ratio).
    """
    import soxr

    count = -(-len(audio) // ratio)
    lowered = soxr.resample(audio, ratio, 1)[:count]
    lowered = np.pad(lowered, (0, count - len(lowered)))
    found: Floats = np.clip(lowered, -1, 1).astype(np.float32)
    return found


def coarse_features(coarse: Floats, ratio: int) -> LocalFeatures:
    """(F,) samples at the lower rate as local features, arrays, of frames of ``ratio`` samples. The
    phase tells where in its frame a sample lies."""
    flat = silence(len(coarse), 1)
    step = np.full(len(coarse), 1 / ratio, np.float32)
    return replace(flat, phase_step=step, **_told(coarse))


def places(frames: int, ratio: int) -> LocalFeatures:
    """The features of silence, which tell where in its frame a sample lies and nothing else."""
    return coarse_features(np.zeros(frames, np.float32), ratio)


def with_noise(local: LocalFeatures, most: float, seed: int) -> LocalFeatures:
    """Add white noise to features of `coarse_features`, as tensors on any device.

    Args:
        local: (F,) of a window.
        most: the largest level of the noise, relative to the window's (root mean square); it is
            drawn between 0 and this.
        seed: of the noise.
    """
    import torch

    from wavegen.transfer import sent

    assert local.coarse is not None
    coarse = local.coarse * LEVEL
    same = torch.Generator().manual_seed(seed)
    level = most * torch.rand(1, generator=same)
    noise = level * torch.randn(coarse.shape, generator=same)
    noisy = coarse + sent(noise, coarse.device) * coarse.square().mean().sqrt()
    return replace(local, **_told(noisy))


def _told(coarse: Array) -> dict[str, Array]:
    """The tracks of a signal, of arrays or tensors alike."""
    return {"coarse": coarse / LEVEL, "compressed": coarse / (abs(coarse) + KNEE)}
