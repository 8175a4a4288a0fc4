"""Products of matrices, compiled. NumPy's own are BLAS's, whose last bits depend on its kernels, on
the CPU and on the number of threads; and so would every sample that is drawn from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wavegen.compiled import Compiled

Floats = NDArray[np.float32]
STRIP = 32
"""Outputs whose weights are gathered at a time."""

_run = Compiled("wavegen.product_loop", "run", "products of matrices")


def convolve(x: Floats, taps: Floats, bias: Floats, dilation: int = 1) -> Floats:
    """`torch.nn.functional.conv1d` with zeros around, so that the length stays.

    Args:
        x: (T, in).
        taps: (out, in, K).
        bias: (out,).
        dilation: samples from one tap to the next.

    Returns:
        (T, out). Each is one chain of fused multiply-adds: from the bias, tap by tap, over the
        inputs.
    """
    rows, (outputs, inputs, size) = len(x), taps.shape
    x, taps, bias = (np.ascontiguousarray(a, np.float32).reshape(-1) for a in (x, taps, bias))
    gathered = np.empty(size * inputs * STRIP, np.float32)
    y = np.empty(rows * outputs, np.float32)
    _run(x, rows, inputs, taps, outputs, size, dilation, bias, gathered, y)
    return y.reshape(rows, outputs)


def product(x: Floats, matrix: Floats) -> Floats:
    """``x @ matrix``: (T, in) and (in, out) to (T, out)."""
    return convolve(x, matrix.T[..., None], np.zeros(matrix.shape[1], np.float32))
