"""What several commands print alike."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wavegen.config import Config

out = Console(highlight=False, markup=False)  # names may hold brackets
"""Results, on stdout."""
err = Console(stderr=True, highlight=False, markup=False)
"""Everything said along the way, on stderr, so that pipes stay clean."""


def timescales(config: Config) -> str:
    """How much of the past the network sees, at each of its rates."""
    rate = config.audio.sample_rate

    def span(samples: int) -> str:
        seconds = samples / rate
        time = f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
        return f"{samples:,} samples, {time}"

    stacks = (f"; in frames of {c.pool}: {span(c.receptive_field)}" for c in config.model.context)
    return span(config.model.receptive_field) + "".join(stacks)


def warn(message: str, console: Console = err) -> None:
    console.print("warning: ", style="bold yellow", end="")
    console.print(message, soft_wrap=True)


class Notes(logging.Handler):
    """What the package logs, such as that it compiles, as lines on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            warn(record.getMessage())
        else:
            err.print(record.getMessage(), soft_wrap=True)


@contextmanager
def progress_bar(what: str, unit: str) -> Iterator[Callable[..., None]]:
    """A bar with count, rate and time left on stderr; nothing where stderr is no terminal.

    Yields:
        ``update(done, total, note)``; without a note the rate in ``unit`` is shown.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None, note="")
        start = time.monotonic()

        def update(done: int, total: int, note: str = "") -> None:
            if not note:
                rate = done / max(time.monotonic() - start, 1e-6)
                note = f"{rate:,.0f} {unit}/s" if rate >= 10 else f"{rate:.1f} {unit}/s"
            bar.update(task, completed=done, total=total, note=note)

        yield update
