"""WaveNet beside its siblings: of equal size, trained alike, and measured on the same samples."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import compare
import numpy as np
import pytest
from helpers import DIGITS

from wavegen.assembly import untrained

TINY = {
    "wavenet": {"layers": 2, "dilation_cycle": 2, "residual_channels": 8},
    "gru": {"layers": 1, "residual_channels": 8},
    "transformer": {"layers": 1, "residual_channels": 8, "heads": 2, "attention": 16},
}


def test_all_are_of_one_size() -> None:
    counts = [
        untrained(compare.configuration(kind, 8000, 1), (), ()).model.parameter_count
        for kind in compare.MODELS
    ]
    assert max(counts) < 1.1 * min(counts)


def test_the_past_is_cut_where_it_says() -> None:
    """A network that sees 11 samples: the last 4 ms are all that it can use."""
    config = compare.configuration("wavenet", 4000, 1)
    config = config.replace("model", layers=4, dilation_cycle=3)
    recordings = [np.random.default_rng(0).uniform(-1, 1, 1500).astype(np.float32)]
    found = compare.memory(untrained(config, (), ()), recordings, 20)
    assert [*found] == ["1 ms", "4 ms", "16 ms", "64 ms", "256 ms", "all"]
    assert found["4 ms"] == pytest.approx(found["all"], abs=1e-5)
    assert found["1 ms"] != pytest.approx(found["all"], abs=1e-4)


def test_a_table_and_figures_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def here(function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    monkeypatch.setattr(compare, "MODELS", TINY)
    monkeypatch.setattr(compare, "apart", here)
    runs, picture = tmp_path / "runs", tmp_path / "plot.png"
    compare.main(DIGITS, runs, 8000, steps=2, positions=3, seconds=0.01)
    printed = capsys.readouterr().out.splitlines()
    assert any(line.startswith("| samples/s in training |") for line in printed)
    figures = json.loads(printed[-1])
    assert figures.keys() == TINY.keys()
    for found in figures.values():
        assert 4 < found["bits after 2 steps"] < 10
        assert found["samples/s drawn, engine cached"] > 0
        assert found["seconds that they took"] > 0
    compare.main(DIGITS, runs, plotted=picture, beside=[runs])  # nothing is measured again
    assert capsys.readouterr().out.splitlines()[-1] == printed[-1]
    assert 5_000 < picture.stat().st_size < 200_000
