"""Layers without torch."""

from __future__ import annotations

import numpy as np

from wavegen.model.numpy.layers import linear
from wavegen.model.weights import Weights


def test_a_linear_layer_may_have_no_inputs() -> None:
    random = np.random.default_rng(0)
    for inputs in (3, 0):
        weight, bias = (random.normal(size=s).astype(np.float32) for s in ((5, inputs), 5))
        for shape in ((inputs,), (4, inputs), (0, inputs)):
            x = random.normal(size=shape).astype(np.float32)
            made = linear(Weights({"weight": weight, "bias": bias}), x)
            assert np.allclose(made, x @ weight.T + bias, atol=1e-6)
            assert made.shape == (*shape[:-1], 5)
