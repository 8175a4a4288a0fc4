"""Arithmetic in LLVM vectors."""

import numba
import numpy as np

from wavegen.generation.numba import simd


@numba.njit
def _exp(x, y):  # type: ignore[no-untyped-def]
    simd.exponentials(x, 0, np.float32(0), np.float32(1), y, 0, len(x))


@numba.njit
def _gate(z, c, h):  # type: ignore[no-untyped-def]
    simd.gate(z, 0, c, 0, h, 0, len(h))


def test_the_error_of_exp_is_within_two_millionths() -> None:
    x = np.linspace(-87, 88, 1 << 20).astype(np.float32)
    y = np.empty_like(x)
    _exp(x, y)
    exact = np.exp(x.astype(np.float64))
    assert (np.abs(y - exact) / exact).max() < 2e-6


def test_the_error_of_tanh_and_sigmoid_is_within_two_millionths() -> None:
    x = np.linspace(-50, 50, 1 << 20).astype(np.float32)
    h, open_ = np.empty_like(x), np.full_like(x, 50)
    zero = np.zeros(2 * len(x), np.float32)
    _gate(np.concatenate([x, open_]), zero, h)
    wide = x.astype(np.float64)
    assert np.abs(h - np.tanh(wide)).max() < 2e-6
    _gate(np.concatenate([open_, x]), zero, h)
    assert np.abs(h - 1 / (1 + np.exp(-wide))).max() < 2e-6
