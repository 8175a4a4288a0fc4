"""Layers of one utterance. Layout is (T, C), frames by channels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from wavegen import products
from wavegen.model.weights import Weights

Floats = NDArray[np.float32]
EPSILON = 1e-5
"""Added to variances, as in torch."""


def linear(w: Weights, x: Floats) -> Floats:
    """`torch.nn.Linear`: (…, in) to (…, out)."""
    weight = w["weight"]
    rows = x.reshape(math.prod(x.shape[:-1]), weight.shape[1])  # of which each may be empty
    flat = products.convolve(rows, weight[..., None], w["bias"])
    return flat.reshape(*x.shape[:-1], len(weight))


def convolve(w: Weights, x: Floats, dilation: int = 1) -> Floats:
    """`torch.nn.Conv1d` with zeros around, so that the length stays: (T, in) to (T, out)."""
    return products.convolve(x, w["weight"], w["bias"], dilation)


def normalise(x: Floats) -> Floats:
    """`torch.nn.functional.layer_norm` over the channels."""
    centred = x - x.mean(1, keepdims=True)
    variance = np.square(centred).mean(1, keepdims=True)
    out: Floats = centred / np.sqrt(variance + np.float32(EPSILON))
    return out


def relu(x: Floats) -> Floats:
    return np.maximum(x, 0)
