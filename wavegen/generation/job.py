"""What an engine is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wavegen.generation.uniforms import Uniforms


@dataclass(frozen=True)
class Job:
    """One utterance to draw."""

    rows: Tensor
    """(F, E) from `Conditioning.encode`; past its end the last row holds."""
    length: int
    """Samples to draw."""
    key: str
    """Of its random stream, such as that of `uniforms.key`."""
    temperature: float = 1.0
    """Divides the logits; 0 takes the most likely sample."""


class Batch:
    """Jobs side by side, up to the longest, for the engines that step all of them together."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self.jobs = jobs = list(jobs)
        self.length = max(j.length for j in jobs)
        frames = max(len(j.rows) for j in jobs)
        last = [j.rows[-1:].expand(frames - len(j.rows), -1) for j in jobs]
        self.rows = torch.stack([torch.cat([j.rows, r]) for j, r in zip(jobs, last, strict=True)])
        self.temperatures = torch.tensor([[j.temperature] for j in jobs], dtype=torch.float64).to(
            self.rows.device
        )
        self._streams = [Uniforms(j.key) for j in jobs]

    def uniforms(self, n: int) -> Tensor:
        """The next n of every stream, (B, n) float64, where the rows are."""
        drawn = torch.from_numpy(np.stack([s.draw(n) for s in self._streams]))
        return drawn.to(self.rows.device)

    def pieces(self, begin: int, codes: Tensor) -> Iterator[tuple[int, Tensor]]:
        """(index, codes) of each job in (B, n) codes drawn from sample ``begin`` on."""
        for index, job in enumerate(self.jobs):
            if job.length > begin:
                yield index, codes[index, : job.length - begin]
