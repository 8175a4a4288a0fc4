"""Triton's interpreter for the tests of engines."""

from __future__ import annotations

import importlib.util

import pytest
from interpreter import speed_up

from wavegen.generation.triton.availability import interpreted


@pytest.fixture(scope="session", autouse=True)
def _fast_interpreter() -> None:
    if interpreted() and importlib.util.find_spec("triton"):
        speed_up()
