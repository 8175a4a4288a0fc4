"""Tables that keep every name in one piece, on a terminal of any width and in a pipe."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from wavegen.cli import show

Cell = str | Sequence[str]
"""A text that is never broken, or parts of one that may be: a space or a line's end joins them."""

GAP = 2
"""Spaces between two columns."""
NUMBER = re.compile(r"[-+\d.,]+( ?\D{1,3})?|")
"""What stands in a column that is aligned to the right, with a short unit or none."""


def listed(items: Sequence[str]) -> list[str]:
    """Items as the parts of a `Cell`, with commas."""
    return [*(f"{item}," for item in items[:-1]), *items[-1:]]


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[Cell]], console: Console | None = None
) -> None:
    """Print rows below a header; where they are too wide, each as a list of its fields.

    In a pipe or a file: one line for each row, its fields separated by tabs.
    """
    console = console or show.out
    table: list[Sequence[Cell]] = [header, *rows]
    if not console.file.isatty():
        _print_plain(console, table)
        return
    widths = _widths(table, console.width)
    if widths is None:
        for row in table[1:]:
            print_facts(zip(header, row, strict=True), console)
            console.print()
        return
    right = [
        all(NUMBER.fullmatch(_joined(c)) for c in column[1:]) for column in zip(*table, strict=True)
    ]
    for n, row in enumerate(table):
        for cells in zip_longest(*map(_wrapped, row, widths), fillvalue=""):
            line = (" " * GAP).join(map(_padded, cells, widths, right)).rstrip()
            console.print(Text(line, style="" if n else "bold"), soft_wrap=True)


def print_facts(facts: Iterable[tuple[str, Cell]], console: Console | None = None) -> None:
    """Print names and their values side by side; a value that doesn't fit there, below its name.

    In a pipe or a file: one line for each, the value after a tab.
    """
    console = console or show.out
    rows = [*facts]
    if not console.file.isatty():
        _print_plain(console, rows)
        return
    left = max(cell_len(name) for name, _ in rows) + GAP
    for name, value in rows:
        beside = _least(value) <= console.width - left
        indent = left if beside else GAP
        lines = _wrapped(value, console.width - indent)
        first = f"{_padded(name, left)}{lines.pop(0)}" if beside else name
        text = Text(first)
        text.stylize("bold", 0, len(name))
        for line in [text, *(Text(" " * indent + x) for x in lines)]:
            console.print(line, soft_wrap=True)


def _print_plain(console: Console, rows: Sequence[Sequence[Cell]]) -> None:
    if not console.quiet:
        for row in rows:  # past rich, which makes spaces of tabs
            print(*map(_joined, row), sep="\t", file=console.file)


def _parts(cell: Cell) -> list[str]:
    # A tab or a line's end in a file's name would break the row.
    parts = [cell] if isinstance(cell, str) else [*cell] or [""]
    return [re.sub(r"[\t\r\n]", " ", part) for part in parts]


def _joined(cell: Cell) -> str:
    return " ".join(_parts(cell))


def _least(cell: Cell) -> int:
    """Columns that a cell needs at least."""
    return max(map(cell_len, _parts(cell)))


def _wrapped(cell: Cell, width: int) -> list[str]:
    """Lines of at most this width, except where one part alone is wider."""
    lines: list[str] = []
    for part in _parts(cell):
        if lines and cell_len(lines[-1]) + 1 + cell_len(part) <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return lines


def _widths(rows: Sequence[Sequence[Cell]], width: int) -> list[int] | None:
    """Columns' widths, those with lists narrowed to fit; None where that is not enough."""
    columns = [*zip(*rows, strict=True)]
    full = [max(cell_len(_joined(c)) for c in column) for column in columns]
    least = [max(_least(c) for c in column) for column in columns]
    over = sum(full) + GAP * (len(full) - 1) - width
    for i in sorted(range(len(full)), key=lambda i: least[i] - full[i]):
        cut = min(max(over, 0), full[i] - least[i])
        full[i] -= cut
        over -= cut
    return None if over > 0 else full


def _padded(text: str, width: int, to_right: bool = False) -> str:
    space = " " * (width - cell_len(text))
    return space + text if to_right else text + space
