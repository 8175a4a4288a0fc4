"""Jobs that advance together, as tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from wavegen.generation.job import Job
from wavegen.outputs.distribution import Distribution


def held(values: Sequence[Tensor]) -> Tensor:
    """(B, F, …) from sequences of at most F frames, the last of which is repeated."""
    frames = max(map(len, values))
    last = [v[-1:].expand(frames - len(v), *v.shape[1:]) for v in values]
    return torch.stack([torch.cat(pair) for pair in zip(values, last, strict=True)])


def cut_at_end(codes: Tensor, output: Distribution) -> tuple[Tensor, bool]:
    """(n,) codes up to the end of the clip, and whether it is among them."""
    if output.end is not None and bool((ended := codes == output.end).any()):
        return codes[: int(ended.int().argmax())], True
    return codes, False


class Batch:
    """Jobs that advance together, for the engines that do not stream.

    Raises:
        ValueError: their prompts differ in length.
    """

    def __init__(
        self, jobs: Iterable[Job], output: Distribution, device: torch.device | str = "cpu"
    ) -> None:
        self.jobs = jobs = list(jobs)
        self.output = output
        self.length = max(j.length for j in jobs)
        self.begin = jobs[0].begin
        if any(j.begin != self.begin for j in jobs):
            raise ValueError("prompts of one batch must have one length")
        self.device = device
        self.rows = held([torch.as_tensor(j.rows[:], device=device) for j in jobs])
        none = torch.zeros(0, dtype=torch.int64)
        self.prompts = torch.stack(
            [none if j.prompt is None else torch.as_tensor(j.prompt) for j in jobs]
        ).to(self.device)
        """(B, N) codes."""
        self._ends = torch.tensor([j.ends for j in jobs], device=self.device)
        self._finished = [False] * len(jobs)
        self._streams = [j.uniforms(output.draws) for j in jobs]

    def uniforms(self, n: int) -> Tensor:
        """Those of the next n samples, (B, n, D) float64 on the device of the rows."""
        return torch.from_numpy(np.stack([s.draw(n) for s in self._streams])).to(self.device)

    def phases(self, begin: int, end: int) -> Tensor | None:
        """(B, end - begin) codes of the phase, if the jobs have any."""
        known = [p for j in self.jobs if (p := j.phases(begin, end)) is not None]
        return torch.from_numpy(np.stack(known)).to(self.device) if known else None

    def temperatures(self, begin: int, end: int, hop_length: int) -> Tensor:
        """(B, end - begin) float64 temperatures."""
        each = [j.temperatures(begin, end, hop_length) for j in self.jobs]
        return torch.from_numpy(np.stack(each)).to(self.device)

    def sample(self, logits: Tensor, uniforms: Tensor, temperatures: Tensor) -> Tensor:
        """(B,) codes from (B, channels) logits, with each job's temperature and end."""
        return self.output.sample(logits, uniforms, temperatures[:, None], self._ends)

    def pieces(self, begin: int, codes: Tensor) -> Iterator[tuple[int, Tensor]]:
        """(index, codes) of each unfinished job, from (B, n) codes drawn as samples ``begin`` … of
        all; an empty piece where one has ended by itself."""
        for index, job in enumerate(self.jobs):
            if self._finished[index] or job.length <= begin:
                continue
            piece, ended = cut_at_end(codes[index, : job.length - begin], self.output)
            self._finished[index] = ended
            if len(piece):
                yield index, piece
            if ended:
                yield index, piece[:0]

    @property
    def finished(self) -> bool:
        """Whether all jobs have ended by themselves."""
        return all(self._finished)
