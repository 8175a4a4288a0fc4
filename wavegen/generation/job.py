"""What an engine is asked to draw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen.audio.linear_prediction import Predictor
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.generation.uniforms import Uniforms
from wavegen.model.conditioning import PHASES
from wavegen.outputs import Distribution


@dataclass(frozen=True)
class Job:
    """One utterance to draw."""

    rows: Tensor
    """(F, E) from `Conditioning.encode`, beginning with the prompt's; the last row is held."""
    length: int
    """Samples to draw; at most that many if the utterance may end by itself."""
    key: str
    """Names its random stream; see `uniforms.key`."""
    temperature: float | Tensor = 1.0
    """As in `Distribution.sample`; 0 takes the most likely sample. One for all, or (F,) for each
    row, of which the last is held."""
    prompt: Tensor | None = None
    """(N,) codes of a recording to continue."""
    ends: bool = False
    """Whether it may end by itself, if the output has an `end`."""
    phase: Tensor | None = None
    """(T,) codes from `Conditioning.phase_codes`, beginning with the prompt's; samples after them
    are unvoiced."""
    predictor: Predictor | None = None
    """Of the utterance, beginning with the prompt's, for a network that takes its inputs."""

    @property
    def begin(self) -> int:
        """The first sample to draw."""
        return 0 if self.prompt is None else len(self.prompt)

    def temperatures(self, begin: int, end: int, hop_length: int) -> Tensor:
        """(end - begin,) float64 temperatures of samples ``begin…end``."""
        each = torch.as_tensor(self.temperature, dtype=torch.float64).reshape(-1)
        return each[(torch.arange(begin, end) // hop_length).clamp_(max=len(each) - 1)]

    def phases(self, begin: int, end: int) -> Tensor | None:
        """The codes of samples ``begin…end``."""
        if self.phase is None:
            return None
        known = self.phase[begin:end]
        return F.pad(known, (0, end - begin - len(known)), value=PHASES)


def prompt_sound(job: Job, output: Distribution) -> tuple[Tensor, Tensor]:
    """(N,) float64 excitation and sound of a job's prompt, as if its codes had been drawn; N may
    be 0.

    Raises:
        ValueError: the job has no predictor.
    """
    if job.predictor is None:
        raise ValueError("this model needs the inputs of linear prediction")
    if job.prompt is None:
        none = torch.zeros(0, dtype=torch.float64)
        return none, none
    excitation = output.decode(job.prompt.cpu())
    sound = Synthesis(job.predictor).unclipped(excitation.numpy())
    return excitation.double(), torch.from_numpy(sound)


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

    def __init__(self, jobs: Iterable[Job], output: Distribution) -> None:
        self.jobs = jobs = list(jobs)
        self.output = output
        self.length = max(j.length for j in jobs)
        self.begin = jobs[0].begin
        if any(j.begin != self.begin for j in jobs):
            raise ValueError("prompts of one batch must have one length")
        self.rows = held([j.rows for j in jobs])
        self.device = self.rows.device
        none = torch.zeros(0, dtype=torch.int64)
        self.prompts = torch.stack([none if j.prompt is None else j.prompt for j in jobs]).to(
            self.device
        )
        """(B, N) codes."""
        self._ends = torch.tensor([j.ends for j in jobs], device=self.device)
        self._finished = [False] * len(jobs)
        self._streams = [Uniforms(j.key) for j in jobs]

    def uniforms(self, n: int) -> Tensor:
        """The next n of every stream, (B, n) float64 on the device of the rows."""
        return torch.from_numpy(np.stack([s.draw(n) for s in self._streams])).to(self.device)

    def phases(self, begin: int, end: int) -> Tensor | None:
        """(B, end - begin) codes of the phase, if the jobs have any."""
        known = [p for j in self.jobs if (p := j.phases(begin, end)) is not None]
        return torch.stack(known).to(self.device) if known else None

    def temperatures(self, begin: int, end: int, hop_length: int) -> Tensor:
        """(B, end - begin) float64 temperatures."""
        each = [j.temperatures(begin, end, hop_length) for j in self.jobs]
        return torch.stack(each).to(self.device)

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
