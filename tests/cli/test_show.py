"""Progress: tqdm's bars on a terminal, a line now and then in a log, nothing with --quiet."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import Result, one_clear_line, terminal

from wavegen.cli import show
from wavegen.cli.train import figures

PHASES = """
import time
from wavegen.cli import show
with show.phases() as update:
    for phase in ("reading audio", "finding F0"):
        for done in range(1, 9):
            update(phase, done, 8)
            time.sleep(0.03)
        show.warn(f"{phase} is over")
"""
TRAINING = """
import time
from wavegen.cli import show
with show.progress_bar("training", "steps", 9_990) as update:
    for step in range(9_991, 10_001):
        update(step, 20_000)
        update(step, 20_000, NOTE)
        time.sleep(0.03)
"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What `show` takes for the time, in ``now``."""
    time = SimpleNamespace(now=0.0, monotonic=lambda: time.now)
    monkeypatch.setattr(show, "time", time)
    return time


def test_a_log_gets_a_line_now_and_then_and_the_last(
    clock: SimpleNamespace, capfd: pytest.CaptureFixture[str]
) -> None:
    with show.progress_bar("reading audio", "files") as update:
        for done in range(11):
            update(done, 10)
            clock.now += 8.0
    lines = capfd.readouterr().err.splitlines()
    assert [x.split(" [")[0] for x in lines] == [
        "reading audio:  40% 4/10",
        "reading audio:  80% 8/10",
        "reading audio: 100% 10/10",
    ]
    assert all("files/s" in x for x in lines)


def test_a_slow_rate_stays_one_of_units_each_second(capfd: pytest.CaptureFixture[str]) -> None:
    with show.progress_bar("measuring", "cells") as update:
        time.sleep(1.1)
        update(1, 2)
    [line] = capfd.readouterr().err.splitlines()
    assert re.fullmatch(r"measuring:  50% 1/2 \[00:01<00:01,  0\.\d\d cells/s\]", line)


def test_a_log_of_training_tells_the_latest_figures(
    capfd: pytest.CaptureFixture[str],
) -> None:
    row = {"loss_bits": 3.98765, "val_bits": 4.05, "samples_per_second": 1_251_230.0}
    with show.progress_bar("training", "steps", 4) as update:
        update(10, 10, figures(row))
        update(10, 10)  # the figures stay
    [line] = capfd.readouterr().err.splitlines()
    assert line.startswith("training: 100% 10/10 [")
    assert line.endswith(", loss 3.988, held-out 4.050 bits, 1.25M samples/s]")


def test_nothing_is_shown_of_work_that_never_began(capfd: pytest.CaptureFixture[str]) -> None:
    with show.progress_bar("reading audio", "files"):
        pass
    with show.phases():
        pass
    assert capfd.readouterr().err == ""


def test_each_phase_has_a_bar_that_warnings_do_not_break() -> None:
    shown = terminal([sys.executable, "-c", PHASES], columns=80)
    lines = [x for x in shown.replace("\r", "\n").splitlines() if x.strip()]
    warned = [x for x in lines if "is over" in x]
    assert [x.replace("\x1b[1;33m", "").replace("\x1b[0m", "") for x in warned] == [
        "warning: reading audio is over",
        "warning: finding F0 is over",
    ]
    for phase in ("reading audio", "finding F0"):
        bars = [x for x in lines if x.startswith(f"{phase}: ")]
        assert "█" in bars[-1]
        assert "/8 [00:00<00:0" in bars[-1]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("columns", [0, 80])  # 0: a terminal without a size
def test_the_figures_of_training_fit_a_terminal_of_eighty_columns(columns: int) -> None:
    row = {"loss_bits": 3.98765, "val_bits": 4.05, "samples_per_second": 125_123.0}
    code = TRAINING.replace("NOTE", repr(figures(row)))
    shown = terminal([sys.executable, "-c", code], columns)
    bar = [x for x in shown.replace("\r", "\n").splitlines() if "held-out" in x][-1]
    assert len(bar) <= 80
    for part in ("50%|", "/20000 [", " left, loss 3.988, held-out 4.050 bits, 125k samples"):
        assert part in bar


def test_quiet_leaves_warnings_and_failures_alone(capfd: pytest.CaptureFixture[str]) -> None:
    show.set_quiet(True)
    try:
        with show.progress_bar("reading audio", "files") as update:
            update(1, 1)
        show.err.print("a note")
        show.warn("look")
        show.failure("line 1: broken")
        show.error("over")
    finally:
        show.set_quiet(False)
    assert capfd.readouterr().err.splitlines() == ["warning: look", "line 1: broken", "error: over"]


def test_quiet_counts_before_and_after_the_name_of_the_command(
    cli: Callable[..., Result], tone: Callable[..., Path], tmp_path: Path
) -> None:
    tone(tmp_path / "in" / "a.wav")
    command = ("prepare", tmp_path / "in", "--cache-dir")
    for quiet in (("-q", *command, tmp_path / "a"), (*command, tmp_path / "b", "--quiet")):
        lines = cli(*quiet).err.splitlines()
        assert [x.split(":")[0] for x in lines] == ["warning"]  # that no clip is held out
    loud = cli(*command, tmp_path / "c").err
    assert "reading audio: 100% 1/1 [" in loud
    assert "files\t1, 0 left out" in loud
    one_clear_line(cli("prepare", tmp_path / "nothing", "-q"), "is not a folder")


def test_durations_are_hours_minutes_and_seconds() -> None:
    assert [show.duration(s) for s in (0, 59.6, 3661, 360_000)] == [
        "0:00:00",
        "0:01:00",
        "1:01:01",
        "100:00:00",
    ]
