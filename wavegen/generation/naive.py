"""The oracle: recompute the whole receptive field for every sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from wavegen.generation.job import Batch, Job
from wavegen.model.wavenet import WaveNet


@torch.inference_mode()
def generate(
    model: WaveNet, jobs: Iterable[Job], hop_length: int, block: int = 400
) -> Iterator[tuple[int, Tensor]]:
    """Draw the samples of jobs.

    Args:
        model: the network.
        jobs: at least one.
        hop_length: samples per row.
        block: most samples per piece.

    Yields:
        (index, codes): of the job among ``jobs``, and the next (n,) int64 codes of it.
    """
    # Reaching one sample further than the receptive field needs keeps the edge out of doubt.
    reach = model.config.receptive_field + 1
    batch = Batch(jobs)
    rows = batch.rows
    codes = torch.zeros(len(rows), 0, dtype=torch.int64, device=rows.device)
    for begin in range(0, batch.length, block):
        n = min(block, batch.length - begin)
        u = batch.uniforms(n)
        for i in range(n):
            t = begin + i
            start = max(0, t + 1 - reach)
            frames = torch.arange(start, t + 1, device=rows.device) // hop_length
            window = torch.cat([codes[:, start:], codes.new_zeros(len(codes), 1)], 1)
            logits = model.run(
                window,
                rows[:, frames.clamp_(max=rows.shape[1] - 1)],
                before=codes[:, start - 1] if start else None,
            )[:, -1]
            drawn = model.output.sample(logits, u[:, i], batch.temperatures)
            codes = torch.cat([codes, drawn[:, None]], 1)
        yield from batch.pieces(begin, codes[:, begin:])
