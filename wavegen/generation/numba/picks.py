"""Which inputs the rows of a panel of weights are multiplied with, in LLVM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wavegen.generation.numba.layout import GROUP, QUAD
from wavegen.vectors import I32, I64, Array, number


class Picks:
    """The inputs of a panel's rows: all of them in their order, or those of a sparse matrix.

    Args:
        b: the builder.
        panel: outputs of the panel.
        table: `Matrices.picks` from the panel on, of a sparse matrix.
    """

    def __init__(self, b: Any, panel: int, table: Array | None = None) -> None:
        self._b, self._panel, self._table = b, panel, table

    @property
    def sparse(self) -> bool:
        return self._table is not None

    def unit(self, width: int) -> int:
        """Outputs of a vector of up to ``width`` that share their inputs."""
        return width if self._table is None else min(width, GROUP)

    def inputs(self, row: Any, outputs: Sequence[Any]) -> list[Any]:
        """The first of the `QUAD` inputs of the rows from ``row`` on, for units that begin at these
        outputs of the panel."""
        if self._table is None:
            return [row] * len(outputs)
        b = self._b
        start = b.mul(b.udiv(row, number(QUAD)), number(self._panel // GROUP))
        places = [b.add(start, b.udiv(at, number(GROUP))) for at in outputs]
        return [b.zext(self._table.load(place, I32), I64) for place in places]
