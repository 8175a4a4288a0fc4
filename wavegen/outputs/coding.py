"""Samples as codes, by output: what needs no torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wavegen.audio import mulaw
from wavegen.config import ModelConfig
from wavegen.outputs.bins import LEVELS, WIDTH

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class MuLaw:
    """8-bit µ-law codes.

    Args:
        config: with `ModelConfig.ends` there is one more class, `end`: the clip is over. It is
            predicted but never an input.
    """

    levels = mulaw.LEVELS
    unit = "µ-law 8-bit"
    draws = 1
    """Uniforms that drawing a sample takes."""

    def __init__(self, config: ModelConfig) -> None:
        self.end = mulaw.LEVELS if config.ends else None
        self.channels = mulaw.LEVELS + config.ends
        self.start = self.channels

    encode = staticmethod(mulaw.encode)
    decode = staticmethod(mulaw.decode)

    @staticmethod
    def companded(codes: Integers) -> Integers:
        """The samples as µ-law codes (`end`, which is never an input, as any of them)."""
        return np.minimum(codes, mulaw.LEVELS - 1)


class Linear:
    """16-bit samples, of which a mixture has a distribution.

    Args:
        config: with `ModelConfig.mixtures` components and, with `ModelConfig.ends`, one more code,
            `end`: the clip is over. It is predicted but never an input.
    """

    levels = LEVELS
    start = LEVELS
    unit = "16-bit"

    def __init__(self, config: ModelConfig) -> None:
        self.end = LEVELS + 1 if config.ends else None
        self.channels = 3 * config.mixtures + config.ends
        self.draws = 1 + config.ends

    @staticmethod
    def encode(audio: NDArray[np.floating]) -> Integers:
        """Amplitudes to codes in 0…65535; values beyond ±1 are clamped."""
        samples = np.rint(audio.astype(np.float64) / WIDTH) + LEVELS // 2
        return samples.clip(0, LEVELS - 1).astype(np.int64)

    @staticmethod
    def decode(codes: Integers) -> Floats:
        """Codes to amplitudes in [-1, 1)."""
        return (codes - LEVELS // 2).astype(np.float32) * np.float32(WIDTH)

    def companded(self, codes: Integers) -> Integers:
        """The samples as µ-law codes (`end`, which is never an input, as any of them)."""
        return mulaw.encode(self.decode(codes))


Coding = MuLaw | Linear
