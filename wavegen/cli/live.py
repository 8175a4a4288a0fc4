"""What `wavegen train` shows while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from wavegen.cli import show

if TYPE_CHECKING:
    from wavegen.training import trainer as train

EVERY_SECONDS = 30.0
"""Between two lines where there is no terminal."""


def duration(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    minutes, s = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{s:02}"


class LiveView:
    """Bar, time left and figures of a training run on stderr; plain lines where it is no terminal.

    Args:
        step: where the run starts.
        steps: where it ends.
        clock: seconds.
    """

    def __init__(self, step: int, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.first = self.now = step
        self.steps = steps
        self.clock = clock
        self.begun = clock()
        self.printed = -EVERY_SECONDS
        self.live: Live | None = None
        self.progress: train.Progress | None = None
        self.bar = Progress(
            TextColumn("training"),
            BarColumn(bar_width=None),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            console=show.err,
            expand=True,
        )
        self.task = self.bar.add_task("training", total=steps, completed=step, left="")

    def __enter__(self) -> LiveView:
        if show.err.is_interactive:
            self.live = Live(console=show.err, transient=True, get_renderable=self.render)
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def left(self) -> str:
        """Time left at the mean speed so far, validation and samples included."""
        made = self.now - self.first
        if not made:
            return ""
        seconds = (self.clock() - self.begun) / made * (self.steps - self.now)
        return f"{duration(seconds)} left"

    def step(self, step: int) -> None:
        """A step is done."""
        self.now = step
        self.bar.update(self.task, completed=step, left=self.left())

    def update(self, progress: train.Progress) -> None:
        """New figures."""
        self.progress = progress
        self.step(progress.step)
        now = self.clock()
        last = progress.step == self.steps
        if self.live is None and (now - self.printed >= EVERY_SECONDS or last):
            self.printed = now
            show.err.print(self.line(progress), soft_wrap=True)

    def line(self, p: train.Progress) -> str:
        """The figures in one line."""
        parts = [f"{name} {value}" for name, value in _figures(p)]
        return f"step {p.step:,}/{p.steps:,}: {', '.join(parts)} ({_unit(p)}), {self.left()}"

    def render(self) -> Group:
        """The bar and, once there are any, the figures below it; at most 80 columns wide."""
        if self.progress is None:
            return Group(self.bar)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        figures = _figures(self.progress)
        for name, _ in figures:
            table.add_column(name, no_wrap=True)
        table.add_row(*(value for _, value in figures))
        return Group(self.bar, table, Text(_unit(self.progress), style="dim"))


def _unit(p: train.Progress) -> str:
    return f"bits per {p.unit} sample"


def _figures(p: train.Progress) -> list[tuple[str, str]]:
    return [
        ("loss bits", f"{p.bits:.3f}"),
        ("held-out bits", "-" if p.validation is None else f"{p.validation:.3f}"),
        ("samples/s", f"{p.samples_per_second:,.0f}"),
        ("learning rate", f"{p.learning_rate:.1e}"),
        ("gradient norm", f"{p.gradient_norm:.2g}"),
        ("waiting", f"{p.waiting:.1%}"),
    ]
