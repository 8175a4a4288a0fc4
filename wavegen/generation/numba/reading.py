"""A compiled loop that only reads, as the step reads its weights."""

from __future__ import annotations

from typing import Any

from wavegen.compiling import compile_inner
from wavegen.generation.numba import simd


@compile_inner
def read(buffer: Any, out: Any, times: int) -> int:
    """Sum a buffer ``times`` times."""
    for _ in range(times):
        simd.total(buffer, len(buffer), out)
    return times
