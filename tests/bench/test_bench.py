"""`wavegen bench` measures what it says; no figure is asserted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from helpers import Result

from wavegen.audio.taps import INPUTS
from wavegen.bench import (
    MELS,
    Cell,
    Conv1dWaveNet,
    engine_cells,
    sized,
    start,
    training_kernels,
)

Cli = Callable[..., Result]


def rows(result: Result) -> list[dict[str, object]]:
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


def test_one_cell_is_one_line_of_json(cli: Cli, tiny_voice_file: Path) -> None:
    cell = ("--engine", "numba", "--batch", 2, "--threads", 2, "--precision", "int8")
    [row] = rows(cli("bench", "--voice", tiny_voice_file, *cell, "--repeats", 1, "--json"))
    picked = {k: row[k] for k in ("engine", "size", "batch", "threads", "precision")}
    assert picked == {
        "engine": "numba",
        "size": "tiny",
        "batch": 2,
        "threads": 2,
        "precision": "int8",
    }
    assert float(str(row["samples_per_s"])) > 0
    assert row["ratio"] is None


def test_ratios_are_to_cached_and_a_lone_utterance_shows_its_bandwidth(
    cli: Cli, tiny_voice_file: Path
) -> None:
    asked = ("--batch", 1, "--threads", 1, "--precision", "f32", "--repeats", 1, "--json")
    cached, fast = rows(cli("bench", "--voice", tiny_voice_file, *asked))
    assert cached["ratio"] == 1
    assert fast["ratio"] == pytest.approx(
        float(str(fast["samples_per_s"])) / float(str(cached["samples_per_s"]))
    )
    assert cached["gigabytes_per_s"] is None
    assert 0 < float(str(fast["of_bandwidth"])) < 2
    assert 0 < float(str(fast["of_matmul"])) < 2


def test_one_utterance_is_drawn_by_one_thread_and_by_two(monkeypatch: pytest.MonkeyPatch) -> None:
    for every, threads in ((1, [1, 1]), (4, [1, 2, 4])):
        monkeypatch.setattr(torch, "get_num_threads", lambda n=every: n)
        cells = engine_cells(["small"], [1, 16], [], ["numba"], ["int8"])
        assert [c.threads for c in cells] == threads


def test_networks_with_empty_blocks_are_measured_beside_the_full_one(cli: Cli) -> None:
    asked = ("--size", "small", "--sparsity", 0.8, "--engine", "numba", "--precision", "int8")
    alone = ("--batch", 1, "--threads", 1, "--repeats", 1, "--json")
    dense, sparse = rows(cli("bench", *asked, *alone))
    assert (dense["size"], sparse["size"]) == ("small", "small-80%")
    read, flops = (
        [float(str(r[name])) / float(str(r["samples_per_s"])) for r in (dense, sparse)]
        for name in ("gigabytes_per_s", "gigaflops")
    )
    assert read[1] < 0.5 * read[0]
    assert flops[1] < 0.5 * flops[0]


def test_clips_of_mixed_length_and_the_table(cli: Cli, tiny_voice_file: Path) -> None:
    asked = ("--clips", 5, "--engine", "numba", "--precision", "bf16")
    result = cli("bench", "--voice", tiny_voice_file, *asked, "--repeats", 1)
    assert result.code == 0
    assert "bf16" in result.out


def test_what_a_training_step_consists_of() -> None:
    found = training_kernels(Cell("wavegen", "small", 1, 1, "f32", 0.02), steps=2)
    took = [k.milliseconds for k in found]
    assert took == sorted(took, reverse=True)
    if not torch.cuda.is_available():
        [embedding] = [k for k in found if k.name == "aten::embedding_dense_backward"]
        assert embedding.calls == 1


def test_training_is_measured_against_a_twin_of_the_same_size(cli: Cli) -> None:
    asked = ("--size", "small", "--batch", 1, "--window", 0.05, "--repeats", 1, "--json")
    found = rows(cli("bench", "--train", *asked))
    assert {r["window"] for r in found} == {0.05}
    assert [(r["engine"], r["precision"]) for r in found] == [
        ("conv1d", "f32"),
        ("conv1d", "bf16"),
        ("wavegen", "f32"),
        ("wavegen", "bf16"),
    ]
    assert found[0]["ratio"] == 1
    model, config = sized("small")
    twin = Conv1dWaveNet(config)
    codes = torch.zeros(2, 320, dtype=torch.int64)
    logits = twin(codes, torch.randn(2, MELS, 2), torch.randn(2, INPUTS, 320))
    assert logits.shape == (2, 256, 320)
    ours = sum(b.taps.numel() + b.w_res.numel() + b.w_skip.numel() for b in model.blocks)
    theirs = sum(m.weight.numel() for part in (twin.taps, twin.residual, twin.skip) for m in part)
    assert ours == theirs
    assert model.given is not None
    assert model.given.weight.numel() == twin.given.weight.numel()


def test_processes_are_timed_until_they_are_heard(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[bool, bool]] = []

    def seconds(
        command: Sequence[str], environment: object = None, first_byte: bool = False
    ) -> float:
        calls.append((environment is not None, first_byte))
        assert first_byte == ("--raw" in command)
        return float(len(calls))

    monkeypatch.setattr(start, "_seconds", seconds)
    first, *others = rows(cli("bench", "--start", "--voice", "digits", "--repeats", 2, "--json"))
    assert first == {"way": "a file, the first time", "seconds": [1.0]}
    assert [r["seconds"] for r in others] == [[3.0, 6.0], [4.0, 7.0], [5.0, 8.0]]
    assert calls[0] == (True, False)  # into an empty cache
    assert not any(elsewhere for elsewhere, _ in calls[1:])
    table = cli("bench", "--start", "--repeats", 2).out
    assert "the first byte of --raw" in table
    assert "13.50" in table  # the median of 12 and 15


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--size", "huge"), "--size huge: choose from small, medium, large, xl"),
        (("--engine", "gpu"), "--engine gpu: choose from naive, cached, triton, numba"),
        (("--precision", "int4"), "--precision int4: choose from f32, f16, bf16, int8"),
        (("--voice", "nobody"), "no voice 'nobody'"),
        (("--voice", "digits", "--size", "small"), "--voice, or --size"),
        (("--voice", "digits", "--sparsity", "0.5"), "--voice, or --size"),
        (("--clips", "3", "--batch", "2"), "leave out --batch"),
        (("--train", "--voice", "digits"), "--train takes"),
        (("--train", "--sparsity", "0.5"), "--train takes"),
        (("--window", "1"), "give --train"),
        (("--start", "--batch", "2"), "--start takes"),
        (("--start", "--voice", "nobody", "--repeats", "1"), "no voice 'nobody'"),
    ],
)
def test_wrong_options_are_one_line(cli: Cli, wrong: tuple[str, ...], said: str) -> None:
    result = cli("bench", *wrong)
    assert result.code == 2
    assert said in result.err
    assert len(result.err.splitlines()) == 1
