"""What an engine is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.generation.uniforms import Uniforms
from wavegen.model.conditioning import PHASES
from wavegen.outputs import Distribution


@dataclass(frozen=True)
class Job:
    """One utterance to draw."""

    rows: Tensor
    """(F, E) from `Conditioning.encode`, the prompt's first; past its end the last row holds."""
    length: int
    """Samples to draw, at most if it may end by itself."""
    key: str
    """Of its random stream, such as that of `uniforms.key`."""
    temperature: float = 1.0
    """Of `Distribution.sample`; 0 takes the most likely sample."""
    prompt: Tensor | None = None
    """(N,) codes of a recording to go on from."""
    ends: bool = False
    """It may end by itself, where the output can say so."""
    phase: Tensor | None = None
    """(T,) codes from `Conditioning.phase_codes`, from the prompt's first sample on; past their end
    there is no voice."""

    @property
    def begin(self) -> int:
        """The first sample to draw."""
        return 0 if self.prompt is None else len(self.prompt)

    def phases(self, begin: int, end: int) -> Tensor | None:
        """The codes of samples ``begin…end``."""
        if self.phase is None:
            return None
        known = self.phase[begin:end]
        return F.pad(known, (0, end - begin - len(known)), value=PHASES)


def until_end(codes: Tensor, output: Distribution) -> tuple[Tensor, bool]:
    """(n,) codes up to the clip's end, and whether they hold it."""
    if output.end is not None and bool((over := codes == output.end).any()):
        return codes[: int(over.int().argmax())], True
    return codes, False


class Batch:
    """Jobs side by side, up to the longest, for the engines that step all of them together.

    Raises:
        ValueError: their prompts are not of one length.
    """

    def __init__(self, jobs: Iterable[Job], output: Distribution) -> None:
        self.jobs = jobs = list(jobs)
        self.output = output
        self.length = max(j.length for j in jobs)
        self.begin = jobs[0].begin
        if any(j.begin != self.begin for j in jobs):
            raise ValueError("prompts of one batch must have one length")
        frames = max(len(j.rows) for j in jobs)
        last = [j.rows[-1:].expand(frames - len(j.rows), -1) for j in jobs]
        self.rows = torch.stack([torch.cat([j.rows, r]) for j, r in zip(jobs, last, strict=True)])
        self.device = self.rows.device
        none = torch.zeros(0, dtype=torch.int64)
        self.prompts = torch.stack([none if j.prompt is None else j.prompt for j in jobs]).to(
            self.device
        )
        """(B, N) codes."""
        temperatures = torch.tensor([[j.temperature] for j in jobs], dtype=torch.float64)
        self._temperatures = temperatures.to(self.device)
        self._ends = torch.tensor([j.ends for j in jobs], device=self.device)
        self._over = [False] * len(jobs)
        self._streams = [Uniforms(j.key) for j in jobs]

    def uniforms(self, n: int) -> Tensor:
        """The next n of every stream, (B, n) float64, where the rows are."""
        return torch.from_numpy(np.stack([s.draw(n) for s in self._streams])).to(self.device)

    def phases(self, begin: int, end: int) -> Tensor | None:
        """(B, end - begin) codes of the phase, where the network is told."""
        known = [p for j in self.jobs if (p := j.phases(begin, end)) is not None]
        return torch.stack(known).to(self.device) if known else None

    def sample(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """(B,) codes from (B, channels) logits, each job in its own way."""
        return self.output.sample(logits, uniforms, self._temperatures, self._ends)

    def pieces(self, begin: int, codes: Tensor) -> Iterator[tuple[int, Tensor]]:
        """(index, codes) of each job in (B, n) codes drawn as its samples from ``begin`` on; an
        empty piece where one has ended by itself."""
        for index, job in enumerate(self.jobs):
            if self._over[index] or job.length <= begin:
                continue
            piece, over = until_end(codes[index, : job.length - begin], self.output)
            self._over[index] = over
            if len(piece):
                yield index, piece
            if over:
                yield index, piece[:0]

    @property
    def over(self) -> bool:
        """Whether all jobs have ended by themselves."""
        return all(self._over)
