"""Work beside the training."""

from __future__ import annotations

import threading

import pytest

from wavegen.report.background import Background


def test_work_is_done_in_order_while_the_caller_goes_on() -> None:
    go, done = threading.Event(), list[int]()

    def wait() -> None:
        go.wait()
        done.append(1)

    with Background() as beside:
        beside.do(wait)
        beside.do(lambda: done.append(2))
        assert not done
        go.set()
    assert done == [1, 2]


def fail() -> None:
    raise OSError("the disk is full")


def close(beside: Background, error: BaseException | None = None) -> None:
    beside.__exit__(type(error) if error else None, error, None)


def test_an_error_is_raised_by_what_follows() -> None:
    first, second = Background(), Background()
    first.do(fail)
    with pytest.raises(OSError, match="full"):
        close(first)
    go, tried = threading.Event(), threading.Event()
    for work in (go.wait, fail, tried.set):
        second.do(work)
    go.set()
    tried.wait()
    with pytest.raises(OSError, match="full"):
        second.do(tried.clear)
    close(second)
    assert tried.is_set()


def test_an_error_of_the_caller_is_not_hidden_by_another() -> None:
    beside = Background()
    beside.do(fail)
    close(beside, ValueError("the caller's"))
