"""The readable fast path: what the network keeps of the past, and one torch step per sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch
from torch import Tensor

from wavegen.generation.batch import Batch
from wavegen.generation.feedback import Feedback
from wavegen.generation.job import Job
from wavegen.generation.queues import QueueSteps
from wavegen.generation.spec import Pieces
from wavegen.generation.states import StateSteps
from wavegen.model.autoregressive import Autoregressive
from wavegen.model.stateful import Stateful
from wavegen.model.wavenet import WaveNet


class Steps(Protocol):
    """Steps through the samples of a batch, after its prompts. What is kept of the past does not
    grow with the length."""

    def logits(self, phase: Tensor | None, given: Tensor | None) -> Tensor:
        """(B, Q) logits of the next sample.

        Args:
            phase: (B,) codes of the pitch's phase, for a network with phase.
            given: (B, G) from `Feedback.inputs`, for a network that takes them.
        """

    def append(self, codes: Tensor) -> None:
        """Take the (B,) codes drawn for the sample that `logits` was called for."""


STEPS: dict[type[Autoregressive], Callable[[Any, Batch, int], Steps]] = {
    WaveNet: QueueSteps,
    Stateful: StateSteps,
}


@torch.inference_mode()
def generate(
    model: Autoregressive, jobs: Iterable[Job], hop_length: int, block: int = 400
) -> Pieces:
    """Draw the samples of jobs; arguments and result as `naive.generate`."""
    batch = Batch(jobs, model.output, model.skip_bias.device)
    steps = STEPS[type(model)](model, batch, hop_length)
    feedback = None if model.given is None else Feedback(model, batch.jobs, hop_length)
    for begin in range(0, batch.length, block):
        n = min(block, batch.length - begin)
        first = batch.begin + begin
        u, temperatures = batch.uniforms(n), batch.temperatures(first, first + n, hop_length)
        phases = batch.phases(first, first + n)
        codes = torch.empty(len(batch.rows), n, dtype=torch.int64, device=batch.device)
        for i in range(n):
            phase = None if phases is None else phases[:, i]
            given = None if feedback is None else feedback.inputs()
            logits = steps.logits(phase, given)
            codes[:, i] = batch.sample(logits, u[:, i], temperatures[:, i])
            steps.append(codes[:, i])
            if feedback is not None:
                feedback.append(codes[:, i])
        yield from batch.pieces(begin, codes)
        if batch.finished:
            return
