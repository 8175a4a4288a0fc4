"""What a GPU was measured to do is written down, whatever has been measured."""

from __future__ import annotations

import json
from pathlib import Path

import gpu_check
import pytest
import torch
from gpu_check import report


def test_the_report_has_every_part_and_the_tests(tmp_path: Path) -> None:
    (tmp_path / "training.jsonl").write_text(
        json.dumps({"batch": 4, "samples_per_s": 9_123_456.7, "of_matmul": 0.01234})
        + "\n"
        + json.dumps({"batch": 8, "warned": ["a", "b"]})
        + "\n"
    )
    (tmp_path / "tests.txt").write_text("...\n3 passed in 2.00s\n")
    report(tmp_path)
    found = json.loads((tmp_path / "check.json").read_text())
    assert [r["batch"] for r in found["training"]] == [4, 8]
    assert found["engines"] == []
    assert found["tests"] == "3 passed in 2.00s"
    text = (tmp_path / "check.md").read_text()
    assert "| 4 | 9,123,457 | 0.0123 | None |" in text
    assert "| 8 | None | None | a; b |" in text
    assert text.count("Nothing was measured.") == 3


def test_a_shape_that_does_not_fit_leaves_the_others_to_be_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def bench(cells: object, repeats: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to …")

    monkeypatch.setattr(gpu_check, "bench_training", bench)
    rows = [*gpu_check.training(tiny=True)]
    assert [r["engine"] for r in rows] == ["wavegen", "conv1d"]
    assert all(r["failed"] == "CUDA out of memory." for r in rows)
