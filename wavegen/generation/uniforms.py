"""The randomness of generation: float64 uniforms for each sample, reproducible per utterance."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


class Uniforms:
    """Uniforms in [0, 1) of one utterance, from its own counter-based stream (Philox).

    The stream depends on nothing but the key, so that an utterance sounds the same in any batch.

    Args:
        key: any text, such as that of `key`.
        draws: D uniforms for each sample.
    """

    def __init__(self, key: str, draws: int = 1) -> None:
        digest = hashlib.sha256(key.encode()).digest()[:16]
        self._stream = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
        self._ahead = np.empty((0, draws))

    def peek(self, n: int) -> NDArray[np.float64]:
        """(n, D) for the next n samples, without consuming them."""
        short = n - len(self._ahead)
        if short > 0:
            more = self._stream.random((short, self._ahead.shape[1]))
            self._ahead = np.concatenate([self._ahead, more])
        return self._ahead[:n]

    def draw(self, n: int) -> NDArray[np.float64]:
        """(n, D) for the next n samples."""
        drawn = self.peek(n)
        self._ahead = self._ahead[n:]
        return drawn


def key(seed: int, text: str, speaker: str) -> str:
    """The key of an utterance's stream."""
    return f"{seed}\0{text}\0{speaker}"
