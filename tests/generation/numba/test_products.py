"""Products of rounded inputs, on this CPU and as on others."""

from __future__ import annotations

import os
import subprocess
import sys

import llvmlite.binding

SCRIPT = """
import hashlib
import numba
import numpy as np
from wavegen.generation.numba.layout import TAIL
from wavegen.generation.numba.packing import pack_panels
from wavegen.generation.numba.products import multiply

@numba.njit
def product(w, scales, offsets, codes, x, y, k, n, lanes):
    multiply(
        w, 0, scales, offsets, 0, (), 0, 0, codes,
        x, 0, k, k, y, 0, n, n, lanes, 0, 0, 0, k, offsets,
    )

rng = np.random.default_rng(0)
k, n, lanes = 96, 160, 15  # three panels, the last a half; 8 + 4 + 2 + 1 lanes
weights = rng.integers(-127, 128, (k, n)).astype(np.float32)
weights[:, 0], weights[:, 1] = 127, -127
scales = rng.random(n, np.float32)
offsets = (-128 * weights.sum(0)).astype(np.int32)
x = rng.standard_normal((lanes, k)).astype(np.float32)
x[0], x[1], x[2] = 0, 5, -5
y = rng.standard_normal((lanes, n)).astype(np.float32)
most = np.abs(x).max(1, keepdims=True)
rounded = np.rint(x * 127 / np.maximum(most, 1e-9))
exact = y + (rounded @ weights.astype(np.float64)) * scales * most / 127
codes = np.zeros(lanes * (k + TAIL), np.uint8)
packed = pack_panels(weights, "int8")
product(packed, scales, offsets, codes, x.reshape(-1), y.reshape(-1), k, n, lanes)
assert np.allclose(y, exact, rtol=1e-6, atol=1e-4), np.abs(y - exact).max()
print(hashlib.sha256(y.tobytes()).hexdigest())
"""
AVX2 = "+sse2,+sse4.1,+avx,+avx2,+fma,+bmi,+bmi2"


def digest(features: str = "") -> str:
    env = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": features} if features else {}
    command = [sys.executable, "-c", SCRIPT]
    return subprocess.run(
        command, env=os.environ | env, capture_output=True, check=True
    ).stdout.decode()


def test_products_of_bytes_are_exact_whatever_the_cpu_multiplies_them_with() -> None:
    here = llvmlite.binding.get_host_cpu_features()
    known = [f for f, needs in ((AVX2, "avx2"), (AVX2 + ",+avxvnni", "avxvnni")) if here.get(needs)]
    assert len({digest(), *map(digest, known)}) == 1
