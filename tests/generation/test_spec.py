"""Descriptors of engines and outputs, and the choice of an engine."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from networks import HOP, network, random_rows

from wavegen import generation
from wavegen.config import Kind
from wavegen.errors import WavegenError
from wavegen.generation import ENGINES, choose_device, choose_engine, default_engine, spec
from wavegen.generation.job import Job
from wavegen.generation.triton import engine as triton_engine
from wavegen.outputs import OUTPUTS
from wavegen.outputs.bins import Sampler

HERE = [name for name, spec in ENGINES.items() if spec.lacks("cpu") is None]
"""The engines that run on a CPU; Triton's where it interprets."""


def test_the_fastest_engine_for_a_device_is_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_engine("cpu") == "numba"
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert default_engine("mps") == "cached"
    assert default_engine("cuda") == ("triton" if importlib.util.find_spec("triton") else "cached")
    without = dataclasses.replace(ENGINES["triton"], lacks=lambda device: "triton")
    monkeypatch.setattr(generation, "ENGINES", {**ENGINES, "triton": without})
    assert default_engine("cuda") == "cached"


@pytest.mark.parametrize(
    ("engine", "precision", "device", "message"),
    [
        ("foo", None, "cpu", "no engine 'foo': choose from naive, cached, triton, numba"),
        ("numba", "int4", "cpu", "no precision 'int4': choose from f32, f16, bf16, int8"),
        ("numba", None, "cuda", "engine numba needs the voice on the CPU"),
        ("cached", "bf16", "cpu", "engine cached takes no precision; numba takes bf16"),
        (None, "bf16", "mps", "engine cached takes no precision; numba takes bf16"),
        ("numba", "f16", "cpu", "engine numba takes precision f32, bf16, int8; triton takes f16"),
    ],
)
def test_an_engine_that_cannot_do_what_is_asked_is_refused(
    engine: str | None, precision: str | None, device: str, message: str
) -> None:
    with pytest.raises(WavegenError) as e:
        choose_engine(engine, precision, device)
    assert str(e.value) == message


@pytest.mark.parametrize("kind", ["gru", "transformer"])
def test_networks_that_carry_a_state_are_drawn_from_step_by_step(kind: Kind) -> None:
    assert default_engine("cpu", kind) == default_engine("cuda", kind) == "cached"
    for engine, device in (("numba", "cpu"), ("triton", "cpu")):
        with pytest.raises(WavegenError) as e:
            choose_engine(engine, None, device, kind)
        message = f"engine {engine} draws from no {kind} voice; naive and cached draw from one"
        assert str(e.value) == message
    with pytest.raises(WavegenError, match="engine cached takes no precision"):
        choose_engine(None, "bf16", "cpu", kind)


def test_messages_name_every_engine_that_would_do_and_what_one_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    another = dataclasses.replace(ENGINES["numba"], lacks=lambda device: "the voice elsewhere")
    monkeypatch.setattr(generation, "ENGINES", {**ENGINES, "another": another})
    with pytest.raises(WavegenError, match="takes no precision; numba and another take bf16"):
        choose_engine("cached", "bf16", "cpu")
    with pytest.raises(WavegenError, match="engine another needs the voice elsewhere"):
        choose_engine("another", None, "mps")


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize("output", OUTPUTS)
def test_every_engine_draws_from_every_output(engine: str, output: str) -> None:
    model = network(output=output)
    rows = random_rows(model, 3, 1)
    jobs = [Job(r, n, str(n)) for r, n in zip(rows, (12, 5, 9), strict=True)]
    lengths = [0, 0, 0]
    for index, codes in ENGINES[engine].draw(model, iter(jobs), HOP, 7):
        assert ((codes >= 0) & (codes < model.output.levels)).all()
        lengths[index] += len(codes)
    assert lengths == [12, 5, 9]


@pytest.mark.parametrize("engine", HERE)
def test_every_engine_takes_more_jobs_than_fit_and_reads_them_as_it_goes(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spec, "BATCH", 3)
    monkeypatch.setattr(triton_engine, "LANES", 48)
    model = network()
    rows = random_rows(model, 1, 1)[0]
    read = 0

    def jobs() -> Iterator[Job]:
        nonlocal read
        for read in range(1, 201):
            yield Job(rows, 2, str(read))

    pieces = ENGINES[engine].draw(model, jobs(), HOP, 5)
    found = dict([next(pieces)])
    assert read < 200
    found |= dict(pieces)
    assert sorted(found) == [*range(200)]
    alone = [*ENGINES[engine].draw(model, [Job(rows, 2, "101")], HOP, 5)]
    assert np.array_equal(found[100], alone[0][1])


@pytest.mark.parametrize("engine", [e for e in HERE if "int8" in ENGINES[e].precisions])
def test_the_precision_that_is_asked_for_is_drawn_with(engine: str) -> None:
    model = network(output="logistic_mixture")  # 65,536 levels tell small differences
    rows = random_rows(model, 1, 1)[0]

    def drawn(precision: Any) -> list[int]:
        pieces = ENGINES[engine].draw(model, [Job(rows, 100, "x")], HOP, 100, precision)
        return np.concatenate([codes for _, codes in pieces]).tolist()

    precisions = ENGINES[engine].precisions
    assert len({tuple(drawn(p)) for p in precisions}) == len(precisions)


def test_a_lone_utterance_reads_fewer_bytes_in_a_lower_precision() -> None:
    model = network(residual_channels=64, skip_channels=64)
    for s in ENGINES.values():
        assert (s.bytes_per_sample is None) == (s.read_rate is None)
        if s.bytes_per_sample is not None:
            f32, bf16, int8 = (s.bytes_per_sample(model, p) for p in ("f32", "bf16", "int8"))
            assert f32 == 2 * bf16 == 4 * int8


def test_each_output_has_a_sampler_of_its_own() -> None:
    assert {o.sampler for o in OUTPUTS.values()} == {*Sampler}
    assert len(OUTPUTS) == len(Sampler)


@pytest.mark.parametrize(
    ("name", "utterances", "engine", "gpus", "device"),
    [
        ("auto", 9, None, 0, "cpu"),
        ("auto", 1, None, 2, "cpu"),
        ("auto", 2, None, 2, "cuda:0"),
        ("auto", 9, "numba", 2, "cpu"),
        ("auto", 1, "triton", 2, "cuda:0"),
        ("auto", 9, "cached", 2, "cuda:0"),
        ("cpu", 9, None, 2, "cpu"),
        ("cuda", 1, None, 2, "cuda:0"),
        ("cuda:1", 1, None, 2, "cuda:1"),
    ],
)
def test_a_gpu_draws_many_and_the_cpu_one(
    name: str,
    utterances: int,
    engine: str | None,
    gpus: int,
    device: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: "there")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert choose_device(name, utterances, engine) == device


def test_under_torchrun_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert choose_device("cuda", 1) == "cuda:3"
    with pytest.raises(WavegenError, match="device cuda:4: this machine has GPUs 0 to 3"):
        choose_device("cuda:4", 1)


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:-1", "cpu:0"])
def test_a_device_of_no_known_name_is_refused(name: str) -> None:
    with pytest.raises(WavegenError, match=f"no device '{name}': choose from auto, cpu, cuda"):
        choose_device(name, 1)
