"""`wavegen.model.conditioning` for one utterance."""

from __future__ import annotations

import numpy as np

from wavegen.audio.local_features import LocalFeatures
from wavegen.config import ConditioningConfig
from wavegen.model.inputs import FEATURES
from wavegen.model.numpy.layers import Floats, convolve, relu
from wavegen.model.weights import Weights
from wavegen.products import product


def encode(
    w: Weights, config: ConditioningConfig, speaker: Floats, local: LocalFeatures | None
) -> Floats:
    """`Conditioning.encode`.

    Args:
        w: of the conditioning.
        config: its configuration.
        speaker: (1, S) or (F, S) weights of the speakers, of a network that has any.
        local: of the utterance, as arrays.

    Returns:
        (F, E); F = 1 if nothing varies.
    """
    named = "speaker.weight" in w
    known = product(speaker, w["speaker.weight"]) if named else speaker[:1, :0]
    if config.features not in FEATURES or local is None:
        return known
    known = np.broadcast_to(known, (local.frames, known.shape[1]))
    x = np.concatenate([local.select(FEATURES[config.features]).T, known], 1)
    for conv in w.parts("encoder"):
        x = relu(convolve(conv, x))
    return np.concatenate([x, known], 1)
