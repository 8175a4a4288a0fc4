"""What every command prints with: results, notes, warnings and progress."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from wavegen.config import Config
from wavegen.errors import counted

LOG_SECONDS = 30.0
"""Between two lines of progress where standard error is not a terminal."""


class _Printer(Console):
    """A console that clears progress bars while it prints."""

    def print(self, *objects: Any, **options: Any) -> None:
        with without_bars():
            super().print(*objects, **options)


def _printer(stderr: bool = False) -> Console:
    return _Printer(stderr=stderr, highlight=False, markup=False, emoji=False)  # "[" is a bracket


out = _printer()
"""Results, on stdout."""
err = _printer(stderr=True)
"""Notes, on stderr, so that pipes stay clean; silent with --quiet, as all progress is."""
_problems = _printer(stderr=True)
"""Warnings and failures, on stderr; --quiet leaves them."""


def set_quiet(notes: bool, problems: bool = False) -> None:
    """Silence notes and progress, or warnings and failures too."""
    err.quiet, _problems.quiet = notes, problems


def warn(message: str, console: Console = _problems) -> None:
    """One line on what may go wrong."""
    console.print(Text.assemble(("warning: ", "bold yellow"), message), soft_wrap=True)


def failure(message: str) -> None:
    """One line on what went wrong, where the command continues."""
    _problems.print(Text(message), soft_wrap=True)


def error(message: str) -> None:
    """One line on what ended the command; nothing silences it."""
    _printer(stderr=True).print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)


class Notes(logging.Handler):
    """Prints what the package logs, such as that it compiles, on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            warn(record.getMessage())
        else:
            err.print(record.getMessage(), soft_wrap=True)


@contextmanager
def without_bars() -> Iterator[None]:
    """Clear progress bars while something else is printed, then draw them again."""
    if "tqdm" not in sys.modules:  # importing it takes a tenth of a second
        yield
        return
    from tqdm import tqdm

    with tqdm.external_write_mode(file=sys.stderr):
        yield


@contextmanager
def progress_bar(what: str, unit: str = "", first: int = 0) -> Iterator[Callable[..., None]]:
    """A progress bar with the time left on stderr; nothing of it stays on a terminal.

    Where stderr is not a terminal, the same figures are printed as a line every `LOG_SECONDS` and
    at the end. With --quiet nothing is shown.

    Args:
        what: the name of the work.
        unit: what is counted, for the rate ("" shows no rate).
        first: where the count begins, such as the step at which a run is resumed.

    Yields:
        ``update(done, total, note="")``. A note replaces the rate and stays until the next note.
        The clock restarts while ``done`` is 0.
    """
    if err.quiet:
        yield lambda done, total, note="": None
        return
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # with `miniters` fixed, its thread has nothing to do
    stream = err.file  # keeps nothing where stderr is closed
    terminal = stream.isatty()
    # On a terminal of unknown size, such as one made by `script`, tqdm would hide the bar.
    sized = terminal and os.get_terminal_size(stream.fileno()).columns > 0
    bar: tqdm[Any] = tqdm(
        desc=what,
        initial=first,
        unit=f" {unit}" if unit else "",
        unit_scale=unit == "samples",
        bar_format=_bar_format(terminal, bool(unit)),
        smoothing=0,  # time left from the mean rate, which a validation does not upset
        dynamic_ncols=sized,
        ncols=80 if terminal and not sized else None,
        nrows=24 if terminal and not sized else None,
        leave=False,
        file=stream if terminal else _Nowhere(),
        miniters=0,
    )
    printed_at, printed = time.monotonic(), ""

    def line() -> None:
        nonlocal printed_at, printed
        if (now := f"{bar.n} {bar.postfix}") != printed:
            printed_at, printed = time.monotonic(), now
            err.print(str(bar), soft_wrap=True)

    def update(done: int, total: int, note: str = "") -> None:
        bar.total = total
        if note and note != bar.postfix:
            bar.bar_format = _bar_format(terminal, False, True)
            bar.set_postfix_str(note, refresh=False)
        if not done:
            bar.unpause()
        bar.update(done - bar.n)
        if not terminal and time.monotonic() - printed_at >= LOG_SECONDS:
            line()

    try:
        yield update
    finally:
        if not terminal and bar.total is not None:
            line()
        bar.close()


class _Nowhere:
    """A file that discards what is written."""

    def write(self, text: str) -> None: ...

    def flush(self) -> None: ...


def _bar_format(terminal: bool, rate: bool, note: bool = False) -> str:
    """What tqdm shows; with a note, what is needed for all of it to fit 80 columns."""
    count = "{n_fmt}/{total_fmt}"
    if terminal and note:
        return f"{{percentage:3.0f}}%|{{bar}}| {count} [{{remaining}} left{{postfix}}]"
    bar = "|{bar}|" if terminal else ""
    times = "{elapsed}<{remaining}" + ", {rate_noinv_fmt}" * rate
    return f"{{desc}}: {{percentage:3.0f}}%{bar} {count} [{times}{{postfix}}]"


@contextmanager
def phases() -> Iterator[Callable[..., None]]:
    """A `progress_bar` for each phase of some work, one after the other.

    Yields:
        ``update(phase, done, total, note="")``. The bar of a phase ends when all is done or another
        phase begins.
    """
    with ExitStack() as stack:
        current, bar = "", None

        def update(phase: str, done: int, total: int, note: str = "") -> None:
            nonlocal current, bar
            if phase != current or bar is None:
                stack.close()
                current, bar = phase, stack.enter_context(progress_bar(phase, first=done))
            bar(done, total, note)
            if done == total:
                stack.close()
                bar = None

        yield update


def duration(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    minutes, s = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{s:02}"


def timescales(config: Config) -> str:
    """How much of the past the network sees, at each of its rates."""
    rate = config.audio.sample_rate

    def span(samples: int | None) -> str:
        if samples is None:
            return "all of the past"
        seconds = samples / rate
        time = f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
        return f"{counted(samples, 'sample')}, {time}"

    stacks = (f"; in frames of {c.pool}: {span(c.receptive_field)}" for c in config.model.context)
    return span(config.model.receptive_field) + "".join(stacks)
