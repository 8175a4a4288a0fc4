"""The randomness of generation: one float64 uniform per sample, reproducible per utterance."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class Uniforms:
    """Uniforms in [0, 1) for B utterances, each from its own counter-based stream (Philox).

    An utterance's stream depends on its own key alone, so it sounds the same in any batch.

    Args:
        keys: one text per utterance, such as that of `key`.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._streams = [
            np.random.Generator(
                np.random.Philox(
                    key=int.from_bytes(hashlib.sha256(k.encode()).digest()[:16], "little")
                )
            )
            for k in keys
        ]

    def draw(self, n: int) -> Tensor:
        """The next n of every stream, (B, n) float64."""
        return torch.from_numpy(np.stack([s.random(n) for s in self._streams]))


def key(seed: int, text: str, speaker: str) -> str:
    """The stream of one utterance."""
    return f"{seed}\0{text}\0{speaker}"
