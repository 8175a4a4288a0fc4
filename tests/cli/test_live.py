"""What training shows: everything that matters, within 80 columns, and plain lines in a log."""

import io

import pytest
from rich.console import Console

from wavegen.cli import show
from wavegen.cli.live import LiveView, duration
from wavegen.training.trainer import Progress


def progress(step: int, steps: int = 1_400_000) -> Progress:
    return Progress(step, steps, 3.98765, 1_251_230.0, 4.05, 6e-3, 123.4, 0.004, "µ-law 8-bit")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_live_view_fits_eighty_columns() -> None:
    out = io.StringIO()
    clock = Clock()
    view = LiveView(0, 1_400_000, clock)
    clock.now = 3600.0
    view.progress = progress(10_000)
    view.step(10_000)
    Console(file=out, width=80, force_terminal=True, color_system=None).print(view.render())
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert max(map(len, lines)) <= 80
    for part in (
        "10,000/1,400,000",
        "1%",
        "139:00:00 left",
        "3.988",
        "4.050",
        "1,251,230",
        "6.0e-03",
        "1.2e+02",
        "held-out bits",
        "gradient norm",
    ):
        assert part in out.getvalue()


def test_a_log_gets_a_line_now_and_then_and_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(show, "err", Console(file=out, width=80))
    clock = Clock()
    with LiveView(0, 100, clock) as view:
        for step in range(10, 101, 10):
            clock.now += 8.0
            view.update(progress(step, 100))
    lines = out.getvalue().splitlines()
    assert [x.split(":")[0] for x in lines] == [
        "step 10/100",
        "step 50/100",
        "step 90/100",
        "step 100/100",
    ]
    assert lines[1].endswith("0:00:40 left")
    for part in ("loss bits 3.988", "held-out bits 4.050", "learning rate 6.0e-03"):
        assert part in lines[0]


def test_durations_are_hours_minutes_and_seconds() -> None:
    assert [duration(s) for s in (0, 59.6, 3661, 360_000)] == [
        "0:00:00",
        "0:01:00",
        "1:01:01",
        "100:00:00",
    ]
