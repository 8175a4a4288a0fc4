"""What several commands print alike."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

out = Console(highlight=False)
"""Results, on stdout."""
err = Console(stderr=True, highlight=False)
"""Everything said along the way, on stderr, so that pipes stay clean."""


def warn(message: str) -> None:
    err.print("warning: ", style="bold yellow", end="")
    err.print(message, markup=False, soft_wrap=True)


@contextmanager
def progress_bar(what: str, unit: str = "{task.fields[rate]}") -> Iterator[Progress]:
    """A bar with count, rate and time left on stderr; nothing where stderr is no terminal."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as bar:
        yield bar
