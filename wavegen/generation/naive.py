"""The oracle: recompute the whole receptive field for every sample."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from wavegen.generation.uniforms import Uniforms
from wavegen.model.wavenet import WaveNet


@torch.inference_mode()
def generate(
    model: WaveNet,
    rows: Tensor,
    hop_length: int,
    length: int,
    uniforms: Uniforms,
    temperature: float = 1.0,
    block: int = 400,
) -> Iterator[Tensor]:
    """Draw ``length`` samples of B utterances.

    Args:
        model: the network.
        rows: (B, F, E) from `Conditioning.encode`; past its end the last row holds.
        hop_length: samples per row.
        length: T, samples to draw.
        uniforms: B streams.
        temperature: of `Categorical.sample`.
        block: samples per yielded block.

    Yields:
        (B, n) int64 codes, n = ``block`` except in the last one.
    """
    # Reaching one sample further than the receptive field needs keeps the edge out of doubt.
    reach = model.config.receptive_field + 1
    batch = rows.shape[0]
    codes = torch.zeros(batch, 0, dtype=torch.int64, device=rows.device)
    for begin in range(0, length, block):
        n = min(block, length - begin)
        u = uniforms.draw(n).to(rows.device)
        for i in range(n):
            t = begin + i
            start = max(0, t + 1 - reach)
            frames = torch.arange(start, t + 1, device=rows.device) // hop_length
            window = torch.cat([codes[:, start:], codes.new_zeros(batch, 1)], 1)
            logits = model.run(
                window,
                rows[:, frames.clamp_(max=rows.shape[1] - 1)],
                before=codes[:, start - 1] if start else None,
            )[:, -1]
            drawn = model.output.sample(logits, u[:, i], temperature)
            codes = torch.cat([codes, drawn[:, None]], 1)
        yield codes[:, begin:]
