"""The randomness of generation: float64 uniforms for each sample, reproducible per utterance."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Endings:
    """How much likelier than the network says an utterance ends, by the time since it began."""

    odds: Doubles
    """(N,) added to the log odds of the end in each frame, of which the last is held."""
    frame: int
    """Samples in a frame."""

    def sooner(self, uniforms: Doubles, begin: int) -> Doubles:
        """(n,) uniforms that decide about the end of samples ``begin`` …: each u becomes what is
        below a probability p if, and only if, u is below that of the raised log odds of p."""
        at = np.arange(begin, begin + len(uniforms)) // self.frame
        factor = np.exp(self.odds[np.minimum(at, len(self.odds) - 1)].clip(-50, 50))
        out: Doubles = uniforms / (uniforms + (1 - uniforms) * factor)
        return out


class Uniforms:
    """Uniforms in [0, 1) of one utterance, from its own counter-based stream (Philox).

    The stream depends on nothing but the key, so that an utterance sounds the same in any batch.

    Args:
        key: any text, such as that of `key`.
        draws: D uniforms for each sample; the second one, if there is one, is for the end.
        endings: makes the end likelier; None leaves it.
        begin: the number of the first sample.
    """

    def __init__(
        self, key: str, draws: int = 1, endings: Endings | None = None, begin: int = 0
    ) -> None:
        digest = hashlib.sha256(key.encode()).digest()[:16]
        self._stream = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
        self._ahead = np.empty((0, draws))
        self._endings = endings if draws > 1 else None
        self._next = begin

    def peek(self, n: int) -> NDArray[np.float64]:
        """(n, D) for the next n samples, without consuming them."""
        short = n - len(self._ahead)
        if short > 0:
            more = self._stream.random((short, self._ahead.shape[1]))
            if self._endings is not None:
                more[:, 1] = self._endings.sooner(more[:, 1], self._next)
            self._next += short
            self._ahead = np.concatenate([self._ahead, more]) if len(self._ahead) else more
        return self._ahead[:n]

    def draw(self, n: int) -> NDArray[np.float64]:
        """(n, D) for the next n samples."""
        drawn = self.peek(n)
        self._ahead = self._ahead[n:]
        return drawn


def key(seed: int, text: str, speaker: str) -> str:
    """The key of an utterance's stream."""
    return f"{seed}\0{text}\0{speaker}"
