"""The oracle: recompute the whole receptive field for every sample, or all of the past if the field
has no end."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from wavegen.generation.batch import Batch
from wavegen.generation.feedback import Feedback, prompt_inputs
from wavegen.generation.job import Job
from wavegen.generation.spec import Pieces
from wavegen.model.autoregressive import Autoregressive


@torch.inference_mode()
def generate(
    model: Autoregressive, jobs: Iterable[Job], hop_length: int, block: int = 400
) -> Pieces:
    """Draw the samples of jobs.

    Args:
        model: the network.
        jobs: at least one; their prompts, if any, have one length.
        hop_length: samples per row of conditioning.
        block: most samples per piece.

    Yields:
        (index, codes): the job's index in ``jobs`` and its next (n,) int64 codes; an empty piece
        where it has ended by itself.
    """
    field = model.config.receptive_field
    batch = Batch(jobs, model.output, model.skip_bias.device)
    rows = batch.rows
    codes = batch.prompts
    feedback, given = None, list[Tensor]()  # (B, G) of each sample
    if model.given is not None:
        feedback = Feedback(model, batch.jobs, hop_length)
        given += torch.stack([prompt_inputs(model, j) for j in batch.jobs], 1)
    for begin in range(0, batch.length, block):
        n = min(block, batch.length - begin)
        first = batch.begin + begin
        u, temperatures = batch.uniforms(n), batch.temperatures(first, first + n, hop_length)
        for i in range(n):
            t = first + i
            # One sample more than the receptive field needs, to be on the safe side.
            start = 0 if field is None else max(0, t - field)
            at = torch.arange(start, t + 1, device=rows.device)
            window = torch.cat([codes[:, start:], codes.new_zeros(len(codes), 1)], 1)
            companded = model.output.companded(codes)
            if feedback is not None:
                given.append(feedback.inputs())
            logits = model.run(
                window,
                rows[:, (at // hop_length).clamp_(max=rows.shape[1] - 1)],
                codes[:, start - 1] if start else None,
                [c(companded)[:, at // c.config.pool] for c in model.stacks],
                phase=batch.phases(start, t + 1),
                given=torch.stack(given[start:], 1) if given else None,
            )[:, -1]
            drawn = batch.sample(logits, u[:, i], temperatures[:, i])
            codes = torch.cat([codes, drawn[:, None]], 1)
            if feedback is not None:
                feedback.append(drawn)
        yield from batch.pieces(begin, codes[:, batch.begin + begin :])
        if batch.finished:
            return
