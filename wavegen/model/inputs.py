"""What the conditioning is made of, without torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wavegen.config import ConditioningConfig

FEATURES = {
    "mel": ("mel", "voicing", "octaves"),
    "latent": ("mel", "voicing", "octaves"),
    "phones_f0": ("phones", "voicing", "octaves", "loudness"),
    "coarse": ("coarse", "compressed"),
}
"""Inputs of the encoder among the `LocalFeatures`, in order, by ``conditioning.features``."""


def needs_text(features: str) -> bool:
    """Whether local features of this name include phonemes."""
    return "phones" in FEATURES.get(features, ())


PHASES = 64
"""Codes of the phase, which divide a period equally; one more code means unvoiced."""


def input_channels(config: ConditioningConfig, phone_channels: int = 0) -> dict[str, int]:
    """Inputs of the encoder and the channels of each; empty without local features.

    Args:
        config: the conditioning's.
        phone_channels: channels of the phonemes' features.
    """
    sizes = {"mel": config.mel_channels, "phones": phone_channels}
    return {name: sizes.get(name, 1) for name in FEATURES.get(config.features, ())}


def phase_codes(
    phase: NDArray[np.float32], step: NDArray[np.float32], hop_length: int
) -> NDArray[np.int64]:
    """Codes at every sample.

    Args:
        phase: (…, F), see `LocalFeatures`.
        step: (…, F) periods per sample, 0 where unvoiced.
        hop_length: samples per frame.

    Returns:
        (…, F · hop_length).
    """
    moved = step[..., None].astype(np.float64) * np.arange(hop_length)
    at = (phase[..., None].astype(np.float64) + moved) % 1
    codes = np.minimum((at * PHASES).astype(np.int64), PHASES - 1)
    return np.where(step[..., None] > 0, codes, PHASES).reshape(*step.shape[:-1], -1)
