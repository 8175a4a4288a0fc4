"""What is known of each speaker, looked up or mixed."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

Speaker = int | Tensor
"""Who speaks an utterance: an id, or weights of the voice's speakers that sum to 1, (S,) for all of
it or (N, S) for each phoneme or frame."""


def of_speakers(table: Tensor, speaker: Tensor) -> Tensor:
    """Rows of speakers.

    Args:
        table: (S, C), a row for each speaker, such as the weights of an embedding.
        speaker: (…) ids, or (…, S) weights of any float type.

    Returns:
        (…, C). Where a single weight is 1 and the others 0, that is exactly the speaker's row.
    """
    if speaker.is_floating_point():
        return speaker.to(table.dtype) @ table
    return F.embedding(speaker, table)
