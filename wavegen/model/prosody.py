"""How long each phoneme lasts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class DurationModel(nn.Module):
    """Seconds of each phoneme as exp(phoneme + speaker), fitted to whole-clip lengths alone.

    Without an alignment only the sum over a clip is known; a log-linear model of it is the most
    that this can teach, and enough to spread the phonemes of a short clip.

    Args:
        symbols: number of phoneme symbols.
        speakers: number of speakers (0 counts as one).
    """

    def __init__(self, symbols: int, speakers: int) -> None:
        super().__init__()
        self.phone = nn.Parameter(torch.full((symbols,), -2.5))  # e^-2.5 s = 82 ms
        self.speaker = nn.Parameter(torch.zeros(max(speakers, 1)))

    def forward(self, phones: Tensor, speaker: int) -> Tensor:
        """(N,) symbol indices to (N,) seconds."""
        return (self.phone[phones] + self.speaker[speaker]).exp()

    def fit(
        self,
        phones: Sequence[Sequence[int]],
        speakers: Sequence[int],
        seconds: Sequence[float],
        steps: int = 400,
    ) -> float:
        """Least squares on log lengths, with a ridge that shares out what the sums leave open.

        Returns:
            The root mean square error of the log length.
        """
        counts = torch.zeros(len(phones), len(self.phone))
        for row, ids in zip(counts, phones, strict=True):
            row.copy_(torch.bincount(torch.tensor(ids), minlength=len(self.phone)))
        who = torch.tensor(speakers)
        target = torch.tensor(seconds).log()
        optimiser = torch.optim.Adam(self.parameters(), lr=0.05)
        with torch.no_grad():  # begin at the mean rate of speech
            self.phone.add_((target - (counts @ self.phone.exp()).log()).mean())
        middle = self.phone.detach().mean()
        error = torch.zeros(())
        for _ in range(steps):
            error = ((counts @ self.phone.exp()).log() + self.speaker[who] - target).square().mean()
            ridge = (self.phone - middle).square().sum() + self.speaker.square().sum()
            optimiser.zero_grad()
            torch.autograd.backward(error + 1e-3 * ridge)
            optimiser.step()
        return float(error.detach().sqrt())
