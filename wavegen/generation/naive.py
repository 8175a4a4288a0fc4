"""The oracle: recompute the whole receptive field for every sample."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from wavegen.generation.job import Batch, Job
from wavegen.generation.spec import EngineSpec, Pieces
from wavegen.model.wavenet import WaveNet


@torch.inference_mode()
def generate(model: WaveNet, jobs: Iterable[Job], hop_length: int, block: int = 400) -> Pieces:
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
    # One sample more than the receptive field needs, to be on the safe side.
    reach = model.config.receptive_field + 1
    batch = Batch(jobs, model.output)
    rows = batch.rows
    codes = batch.prompts
    for begin in range(0, batch.length, block):
        n = min(block, batch.length - begin)
        u = batch.uniforms(n)
        for i in range(n):
            t = batch.begin + begin + i
            start = max(0, t + 1 - reach)
            at = torch.arange(start, t + 1, device=rows.device)
            window = torch.cat([codes[:, start:], codes.new_zeros(len(codes), 1)], 1)
            companded = model.output.companded(codes)
            logits = model.run(
                window,
                rows[:, (at // hop_length).clamp_(max=rows.shape[1] - 1)],
                codes[:, start - 1] if start else None,
                [c(companded)[:, at // c.config.pool] for c in model.stacks],
                phase=batch.phases(start, t + 1),
            )[:, -1]
            codes = torch.cat([codes, batch.sample(logits, u[:, i])[:, None]], 1)
        yield from batch.pieces(begin, codes[:, batch.begin + begin :])
        if batch.finished:
            return


ENGINE = EngineSpec(generate)
