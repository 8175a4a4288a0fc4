"""Layers of one utterance. Layout is (T, C), frames by channels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wavegen.model.weights import Weights

Floats = NDArray[np.float32]
EPSILON = 1e-5
"""Added to variances, as in torch."""


def linear(w: Weights, x: Floats) -> Floats:
    """`torch.nn.Linear`: (…, in) to (…, out)."""
    out: Floats = x @ w["weight"].T + w["bias"]
    return out


def convolve(w: Weights, x: Floats, dilation: int = 1) -> Floats:
    """`torch.nn.Conv1d` with zeros around, so that the length stays: (T, in) to (T, out)."""
    taps = w["weight"]  # (out, in, K)
    count, size = len(x), taps.shape[2]
    out: Floats = np.tile(w["bias"], (count, 1))
    # Tap by tap: gathering the windows takes as long as all of the products.
    for k in range(size):
        ahead = k * dilation - (size - 1) * dilation // 2
        begin, end = max(-ahead, 0), count - max(ahead, 0)
        if begin < end:
            out[begin:end] += x[begin + ahead : end + ahead] @ taps[:, :, k].T
    return out


def normalise(x: Floats) -> Floats:
    """`torch.nn.functional.layer_norm` over the channels."""
    centred = x - x.mean(1, keepdims=True)
    variance = np.square(centred).mean(1, keepdims=True)
    out: Floats = centred / np.sqrt(variance + np.float32(EPSILON))
    return out


def relu(x: Floats) -> Floats:
    return np.maximum(x, 0)


def silu(x: Floats) -> Floats:
    # The exponential of a large number is infinite, and the quotient then 0, as it should be.
    with np.errstate(over="ignore"):
        out: Floats = x / (1 + np.exp(-x))
    return out
