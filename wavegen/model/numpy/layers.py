"""Layers of one utterance. Layout is (T, C), frames by channels."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
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
    reach = (taps.shape[2] - 1) * dilation
    padded = np.pad(x, ((reach // 2, reach - reach // 2), (0, 0)))
    windows = sliding_window_view(padded, reach + 1, 0)[..., ::dilation]  # (T, in, K)
    columns = windows.reshape(len(x), -1)
    out: Floats = columns @ taps.reshape(len(taps), -1).T + w["bias"]
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
