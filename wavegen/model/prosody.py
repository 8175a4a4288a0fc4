"""How long each phoneme lasts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DurationModel(nn.Module):
    """Log length of a phoneme as a sum of terms for itself, its neighbours and the speaker.

    Args:
        symbols: number of phoneme symbols; 0 is silence.
        speakers: number of speakers (0 counts as one).
    """

    terms: Tensor
    """(3 · symbols + speakers,): of the phoneme, the one before, the one after, the speaker."""
    middle: Tensor
    """Scalar: the mean log length."""
    RIDGE = 1.0
    """Weight of the pull towards the mean, in observations."""
    MOST = 100_000
    """Observations that a fit looks at."""

    def __init__(self, symbols: int, speakers: int) -> None:
        super().__init__()
        self.symbols = symbols
        self.register_buffer("terms", torch.zeros(3 * symbols + max(speakers, 1)))
        self.register_buffer("middle", torch.tensor(-2.5))  # e^-2.5 s = 82 ms

    def forward(self, phones: Tensor, speaker: int) -> Tensor:
        """(N,) symbol indices of a unit to (N,) seconds."""
        log: Tensor = self.middle + self.terms[self._places(phones, speaker)].sum(-1)
        return log.exp()

    def fit(
        self,
        phones: Sequence[Sequence[int]],
        seconds: Sequence[Sequence[float]],
        speakers: Sequence[int],
    ) -> None:
        """Ridge regression of log seconds.

        Args:
            phones: symbol indices of each clip; silences serve as neighbours only.
            seconds: the length of each symbol.
            speakers: id of each clip's speaker.
        """
        places, logs = [], []
        for ids, lengths, speaker in zip(phones, seconds, speakers, strict=True):
            symbol, length = torch.tensor(ids), torch.tensor(lengths)
            kept = (symbol > 0) & (length > 0)
            places.append(self._places(symbol, speaker)[kept])
            logs.append(length[kept].log())
        x, y = torch.cat(places), torch.cat(logs)
        if not len(y):
            return
        skip = -(-len(y) // self.MOST)
        x, y = x[::skip], y[::skip]
        self.middle.copy_(y.mean())
        design = torch.zeros(len(y), len(self.terms), dtype=torch.float64).scatter_(1, x, 1.0)
        normal = design.t() @ design + self.RIDGE * torch.eye(len(self.terms))
        self.terms.copy_(torch.linalg.solve(normal, design.t() @ (y - y.mean()).double()))

    def _places(self, phones: Tensor, speaker: int) -> Tensor:
        """(N, 4) indices into the terms."""
        n = self.symbols
        around = F.pad(phones, (1, 1))
        who = torch.full_like(phones, 3 * n + speaker)
        return torch.stack([phones, n + around[:-2], 2 * n + around[2:], who], -1)
