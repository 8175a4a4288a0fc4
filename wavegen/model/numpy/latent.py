"""What speaking needs of `wavegen.model.latent`, for one utterance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wavegen.model.numpy.acoustic import DECODER, blocks
from wavegen.model.numpy.layers import Floats, convolve
from wavegen.model.weights import Weights
from wavegen.products import product

UNUSED = 0.05
"""A code is unused if it occurs less often than this, relative to an even use of all."""


def spoken(
    w: Weights,
    codes: NDArray[np.integer],
    frames: int,
    speaker: Floats,
    voicing: Floats,
    octaves: Floats,
) -> Floats:
    """`LatentModel.spoken` of codes.

    Args:
        w: of the model.
        codes: (K, N).
        frames: that one code stands for.
        speaker: (1, S) or (F, S) weights of the speakers.
        voicing: (F,) 1 or 0.
        octaves: (F,) F0, as by `features.octaves`.

    Returns:
        (M, F).
    """
    vectors = w["codebook"][np.arange(codes.shape[1]), codes].sum(1)
    content = np.repeat(vectors, frames, 0)[: len(voicing)]
    tone = convolve(w.part("tone"), np.stack([voicing, octaves], 1))
    x = convolve(w.part("last"), content) + tone + product(speaker, w["speaker.weight"])
    made: Floats = convolve(w.part("mel"), blocks(w.part("decoder"), x, DECODER)).T
    return made
