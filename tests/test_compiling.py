"""Functions are compiled together with all that they call, and read their arguments in place."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from wavegen.compiled import Compiled

KERNELS = """
from wavegen.compiling import compile_inner

@compile_inner
def element(inner, i):
    return inner.table[i, 1] + inner.offset

@compile_inner
def scaled(outer, i):
    return element(outer.inner, i) * outer.scale

@compile_inner
def total(outer, extra, out):
    for i in range(len(out)):
        out[i] = scaled(outer, i) + max(extra, outer.last)
    return len(outer.inner.table)
"""


class Inner(NamedTuple):
    table: NDArray[np.float64]
    offset: int


class Outer(NamedTuple):
    scale: float
    inner: Inner
    last: int


def test_named_tuples_in_named_tuples_are_read_field_by_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fields").mkdir()
    (tmp_path / "fields" / "__init__.py").touch()
    (tmp_path / "fields" / "kernels.py").write_text(KERNELS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    total = Compiled("fields.kernels", "total", "a sum")
    table, out = np.arange(6.0).reshape(3, 2), np.zeros(3)
    for scale, last in ((0.5, 7), (2.0, 9)):  # the second call finds it compiled
        assert total(Outer(scale, Inner(table, 10), last), 8, out) == 3
        assert np.array_equal(out, (table[:, 1] + 10) * scale + max(8, last))
    assert len([*(tmp_path / "cache").iterdir()]) == 1
