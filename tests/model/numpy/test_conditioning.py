"""The conditioning's encoder in NumPy gives what its torch module gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from networks import random_features

from wavegen.config import ConditioningConfig
from wavegen.model.conditioning import Conditioning
from wavegen.model.inputs import input_channels, phase_codes
from wavegen.model.numpy.conditioning import encode
from wavegen.model.weights import Weights

FRAMES = 13


@pytest.mark.parametrize("features", ["mel", "phones_f0", "none"])
@pytest.mark.parametrize("speakers", [0, 3])
@pytest.mark.parametrize("glide", [False, True])
@torch.no_grad()
def test_rows_and_phases_are_those_of_the_module(features: str, speakers: int, glide: bool) -> None:
    config = ConditioningConfig(
        features=features, mel_channels=3, encoder_channels=8, speaker_channels=4, phase=True
    )
    inputs = input_channels(config, 6)
    model = Conditioning(2, 8, 4, speakers, 4, inputs, 8, phase=bool(inputs))
    batch = random_features(1, FRAMES)
    batch = batch.each(lambda t: t)
    object.__setattr__(batch, "phones", torch.rand(1, 6, FRAMES))
    local = batch.each(lambda t: t[0].numpy())
    who = torch.rand(FRAMES if glide and inputs else 1, max(speakers, 1)).softmax(1)
    weights = Weights.of(model)
    given = batch if inputs else None
    its = model.encode(1, who[None] if speakers else None, given)[0]
    mine = encode(weights, config, who.numpy(), local if inputs else None)
    assert mine.shape == tuple(its.shape)
    assert np.allclose(mine, its, atol=1e-5)
    codes = model.phase_codes(given, 16)
    if codes is not None:
        assert np.array_equal(phase_codes(local.phase, local.phase_step, 16), codes[0])
