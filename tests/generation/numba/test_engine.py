"""The compiled engine agrees with the others, and with itself in any batch."""

from __future__ import annotations

import itertools
import logging
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import llvmlite.binding
import networks
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import (
    HOP,
    STACKS,
    VARIANTS,
    draw,
    given_inputs,
    network,
    random_predictor,
    random_rows,
)
from torch import Tensor

from wavegen.audio.linear_prediction import Predictor
from wavegen.config import WeightPrecision
from wavegen.generation import cached, queues
from wavegen.generation.feedback import Feedback
from wavegen.generation.job import Job
from wavegen.generation.numba import packing
from wavegen.generation.numba.engine import generate
from wavegen.generation.numba.group import Group
from wavegen.generation.numba.packing import pack
from wavegen.generation.rounding import rounded
from wavegen.generation.uniforms import Uniforms
from wavegen.model.wavenet import WaveNet
from wavegen.training.pruning import Pruning


def forced(
    model: WaveNet,
    rows: Tensor,
    codes: Tensor,
    precision: WeightPrecision = "f32",
    slices: int = 37,
    prompt: Tensor | None = None,
    predictors: Sequence[Predictor | None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Logits (B, T, Q) and drawn samples (B, T) of the engine under teacher forcing."""
    group = Group(pack(model, HOP, precision), len(codes))
    for i, (r, p) in enumerate(zip(rows, predictors or [None] * len(rows), strict=True)):
        group.add(i, Job(r, codes.shape[1] + 1, str(i), prompt=prompt, predictor=p), model)
    logits, drawn = [], []
    for begin in range(0, codes.shape[1], slices):
        part = codes[:, begin : begin + slices].contiguous()
        out = np.empty((*part.shape, model.output.channels), np.float32)
        pieces = dict(group.advance(part.shape[1], part.numpy(), out))
        logits.append(torch.from_numpy(out))
        drawn.append(torch.from_numpy(np.stack([pieces[i] for i in range(len(codes))])))
    return torch.cat(logits, 1), torch.cat(drawn, 1)


@torch.inference_mode()
def parallel(model: WaveNet, codes: Tensor, rows: Tensor, given: Tensor | None = None) -> Tensor:
    """Logits (B, T, Q) of the parallel forward."""
    heard, first = model.output.companded(codes), torch.zeros(len(codes), dtype=torch.int64)
    context = [c.window(c(heard), first, codes.shape[1]) for c in model.stacks]
    return model.run(codes, rows, None, context, given=given)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_logits_are_those_of_the_parallel_forward(data: st.DataObject) -> None:
    def pick(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    torch.manual_seed(pick(0, 1000))
    model = network(
        conditioned=data.draw(st.booleans()),
        layers=pick(1, 12),
        dilation_cycle=pick(1, 7),
        kernel_size=pick(2, 3),
        residual_channels=pick(1, 200),
        skip_channels=pick(1, 100),
        signal=data.draw(st.booleans()),
        period=data.draw(st.booleans()),
        output=data.draw(st.sampled_from(["categorical", "logistic_mixture"])),
    )
    Pruning(model).prune(data.draw(st.sampled_from([0, 0.5, 0.9])))
    batch, frames = pick(1, 11), pick(1, 12)
    rows = random_rows(model, batch, frames)
    codes = torch.randint(0, model.output.levels, (batch, frames * HOP))
    order = data.draw(st.sampled_from([9, 128]))
    predictors = [random_predictor(pick(1, 14), pick(3, 200), order) for _ in range(batch)]
    given = torch.stack([given_inputs(model, *p) for p in zip(predictors, codes, strict=True)])
    whole = parallel(model, codes, rows.expand(-1, frames, -1), given)
    logits, _ = forced(model, rows, codes, slices=pick(1, 50), predictors=predictors)
    assert (logits - whole).abs().max() < 1e-4


@pytest.mark.parametrize(
    ("precision", "variant"), [("bf16", {}), ("int8", {}), ("int8", {"context": STACKS})]
)
def test_lower_precision_computes_with_the_rounded_network(
    precision: WeightPrecision, variant: dict[str, Any]
) -> None:
    model = network(conditioned=True, residual_channels=70, signal=True, period=True, **variant)
    rows = random_rows(model, 9, 12)
    codes = torch.randint(0, 256, (9, 12 * HOP))
    predictors = [random_predictor(12) for _ in rows]
    given = torch.stack([given_inputs(model, *p) for p in zip(predictors, codes, strict=True)])
    whole = parallel(rounded(model, precision), codes, rows, given)
    exact = parallel(model, codes, rows, given)
    logits, _ = forced(model, rows, codes, precision, predictors=predictors)
    error = (logits - whole).abs().amax(-1).flatten()
    # Some inputs lie so near the middle of two integers that they are rounded to the other one.
    assert error.quantile(0.9 if precision == "int8" else 1.0) < 1e-6
    assert error.max() < 0.01
    assert 1e-3 < (whole - exact).abs().max() < 0.2


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_logits_with_context_are_those_of_the_parallel_forward(data: st.DataObject) -> None:
    def pick(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    torch.manual_seed(pick(0, 1000))
    stacks = [
        {
            "pool": data.draw(st.sampled_from([2, 5, 16, 40])),
            "layers": pick(1, 5),
            "kernel_size": pick(2, 3),
            "channels": pick(1, 70),
            "pooling": data.draw(st.sampled_from(["mean", "conv"])),
        }
        for _ in range(pick(1, 2))
    ]
    output = data.draw(st.sampled_from(["categorical", "logistic_mixture"]))
    model = network(data.draw(st.booleans()), output=output, mixtures=pick(1, 12), context=stacks)
    batch, frames = pick(1, 9), pick(1, 12)
    rows = random_rows(model, batch, frames)
    codes = torch.randint(0, model.output.levels, (batch, frames * HOP))
    whole = parallel(model, codes, rows.expand(-1, frames, -1))
    logits, _ = forced(model, rows, codes, slices=pick(1, 50))
    assert (logits - whole).abs().max() < 1e-4


@pytest.mark.parametrize("variant", [{}, *VARIANTS], ids=str)
@pytest.mark.parametrize("prompted", [0, 301])
def test_the_same_uniforms_give_the_samples_of_cached(
    variant: dict[str, Any], prompted: int
) -> None:
    model = network(conditioned=True, residual_channels=32, skip_channels=32, **variant)
    rows = random_rows(model, 2, 100)
    length, draws = 2500, model.output.draws
    codes = torch.randint(0, model.output.levels, (2, length))
    prompt = codes[0, :prompted] if prompted else None
    predictors = [random_predictor(90) for _ in rows]
    jobs = [
        Job(r, length + 1, str(i), prompt=prompt, predictor=p)
        for i, (r, p) in enumerate(zip(rows, predictors, strict=True))
    ]
    _, drawn = forced(model, rows, codes, prompt=prompt, predictors=predictors)
    same = 0
    with torch.inference_mode():
        weights = queues.Weights.from_model(model)
        if prompted:
            state = queues.prompted_state(model, jobs, HOP)
        else:
            state = queues.initial_state(model, 2)
        u = torch.from_numpy(np.stack([Uniforms(j.key, draws).draw(length) for j in jobs]))
        no = torch.tensor([False, False])
        feedback = Feedback(model, jobs, HOP)
        for t in range(length):
            queues.update_stacks(weights, state)
            parts = [model.conditioning.project(rows[:, min(state.time // HOP, 99)])]
            parts += [tuple(s.gates) for s in state.contexts]
            gates = [torch.stack(p).sum(0) for p in zip(*parts, strict=True)]
            logits = queues.step(weights, state, gates, given=feedback.inputs())
            same += int((model.output.sample(logits, u[:, t], 1.0, no) == drawn[:, t]).sum())
            state.code = codes[:, t]
            feedback.append(state.code)
    # Of 65,536 levels more are near enough to a tie than of 256.
    assert same >= (0.999 if model.output.levels == 256 else 0.99) * 2 * length


@pytest.mark.parametrize(
    ("precision", "kernel", "variant"),
    [
        *itertools.product(get_args(WeightPrecision), [2, 3], [{}]),
        *(("bf16", 2, k) for k in VARIANTS),
    ],
    ids=str,
)
def test_batch_threads_lanes_and_blocks_change_no_bit(
    precision: WeightPrecision, kernel: int, variant: dict[str, Any]
) -> None:
    sizes = {"kernel_size": kernel, "dilation_cycle": 5, "residual_channels": 40, "layers": 7}
    model = network(conditioned=True, **sizes, **variant)
    rng = random.Random(0)
    rows = random_rows(model, 30, 20)
    prompt = torch.randint(0, model.output.levels, (77,))
    jobs = [
        Job(
            rows[i, : rng.randint(1, 20)],
            rng.randint(1, 600),
            f"job {i}",
            rng.choice([1.0, 0.8, 0.5 + torch.rand(9)]),
            prompt if i % 5 == 0 else None,
            i % 3 == 0,
            predictor=random_predictor(rng.randint(1, 30), 3 + 10 * i),
        )
        for i in range(30)
    ]
    alone = [draw(generate, model, [j], precision=precision, block=400)[0] for j in jobs]
    assert [len(c) for c in alone] == [j.length for j in jobs] or model.output.end is not None
    for threads, lanes, block in ((1, 1, 33), (1, 8, 7), (2, 3, 50), (3, 8, 400), (1, 30, 61)):
        together = draw(
            generate, model, jobs, precision=precision, threads=threads, lanes=lanes, block=block
        )
        for a, b in zip(alone, together, strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("precision", ["f32", "bf16", "int8"])
def test_a_network_whose_blocks_are_empty_draws_the_same_samples_when_they_are_skipped(
    precision: WeightPrecision, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network(
        True, residual_channels=40, layers=7, kernel_size=3, context=STACKS, signal=True
    )
    Pruning(model).prune(0.7)
    with torch.no_grad():
        model.layers[3].w_res.zero_()
        model.layers[4].taps[0, :, 40:56] = 1.0  # one group has more blocks than others
    rows = random_rows(model, 11, 9)
    codes = torch.randint(0, 256, (11, 9 * HOP))
    predictors = [random_predictor(9) for _ in rows]
    assert len(pack(model, HOP, precision).matrices.picks)
    alone, _ = forced(model, rows[:1], codes[:1], precision, predictors=predictors[:1])
    sparse = forced(model, rows, codes, precision, predictors=predictors)
    monkeypatch.setattr(packing, "PAYS", 0.0)
    assert pack(model, HOP, precision).matrices.picks == ()
    dense = forced(model, rows, codes, precision, predictors=predictors)
    for a, b in zip(sparse, dense, strict=True):
        assert torch.equal(a, b)
    assert torch.equal(alone[0], dense[0][0])


def test_temperature_zero_takes_the_most_likely_sample() -> None:
    model = network()
    rows = random_rows(model, 1, 1)
    [codes] = draw(generate, model, [Job(rows[0], 50, "x", 0.0)], precision="f32")
    [slow] = draw(cached.generate, model, [Job(rows[0], 50, "y", 0.0)])
    [faint] = draw(generate, model, [Job(rows[0], 50, "z", 1e-45)], precision="f32")
    assert torch.equal(codes, slow)
    assert torch.equal(faint, slow)


def test_shut_gates_and_faint_signals_leave_no_denormal_numbers() -> None:
    model = network(residual_channels=32, skip_channels=32)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1e-3)
        model.conditioning.bias[32::64] = -100.0
    group = Group(pack(model, HOP, "f32"), 1)
    group.add(0, Job(random_rows(model, 1, 1)[0], 2000, "x", 0.5), model)
    group.advance(1000)
    tiny = np.finfo(np.float32).tiny
    for name in ("queues", "context_gates", "gated", "skip", "hidden", "logits", "probabilities"):
        size = np.abs(getattr(group.state, name))
        assert np.isfinite(size).all()
        assert not ((size > 0) & (size < tiny)).any(), name


def test_closing_early_stops_the_threads() -> None:
    import threading

    model = network()
    rows = random_rows(model, 4, 1)
    before = threading.active_count()
    pieces = generate(model, [Job(r, 10**9, str(i)) for i, r in enumerate(rows)], HOP, threads=2)
    next(pieces)
    assert threading.active_count() == before + 2
    pieces.close()
    assert threading.active_count() == before


def test_an_error_in_the_jobs_reaches_the_caller() -> None:
    model = network()
    rows = random_rows(model, 1, 1)[0]

    def jobs():  # type: ignore[no-untyped-def]
        for i in range(200):
            yield Job(rows, 10, str(i))
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        list(generate(model, jobs(), HOP, threads=2))


BEGIN = """
import sys, torch, logging
logging.basicConfig(level=logging.INFO, format="%(message)s")
sys.path.insert(0, sys.argv[1])
from networks import draw, network, random_predictor, random_rows
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.generation.job import Job
from wavegen.generation.numba.engine import generate
from wavegen.training.pruning import Pruning
torch.manual_seed(0)
"""
ENGINE = """
model = network(conditioned=True, residual_channels=40)
jobs = [Job(rows, 300, str(i)) for i, rows in enumerate(random_rows(model, 2, 9))]
[a, b] = draw(generate, model, jobs)
print(hash(tuple(a.tolist() + b.tolist())))
"""
PRUNED = ENGINE.replace("jobs =", "Pruning(model).prune(0.6)\njobs =")
FILTER = """
sound = Synthesis(random_predictor(9)).unclipped(torch.randn(100).numpy())
print(hash(tuple(sound.tolist())))
"""


def elsewhere(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    here = str(Path(networks.__file__).parent)
    return subprocess.run(
        [sys.executable, "-c", BEGIN + script, here],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=True,
    )


def test_compiled_code_is_kept(tmp_path: Path) -> None:
    first, second = (elsewhere(ENGINE, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert first.stderr.count("compiling the engine") == 1
    assert second.stderr == ""
    assert first.stdout == second.stdout


def test_a_cache_of_compiled_code_that_is_broken_or_closed_is_no_error(tmp_path: Path) -> None:
    first = elsewhere(FILTER, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    for file in (tmp_path / "cache").glob("*.o"):
        file.write_bytes(b"")
    broken = elsewhere(FILTER, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert "can't be loaded" in broken.stderr
    (tmp_path / "file").touch()
    nowhere = elsewhere(FILTER, NUMBA_CACHE_DIR=str(tmp_path / "file" / "x"))
    assert nowhere.stderr.count("compiling the synthesis filter") == 1
    assert first.stdout == broken.stdout == nowhere.stdout


@pytest.mark.skipif(not llvmlite.binding.get_host_cpu_features().get("avx2"), reason="needs AVX2")
@pytest.mark.parametrize("script", [ENGINE, PRUNED])
def test_other_vector_widths_draw_the_same_samples(tmp_path: Path, script: str) -> None:
    here = elsewhere(script)
    avx2 = elsewhere(
        script,
        NUMBA_CPU_NAME="haswell",
        NUMBA_CPU_FEATURES="+sse2,+sse4.1,+avx,+avx2,+fma,+bmi,+bmi2",
        NUMBA_CACHE_DIR=str(tmp_path),
    )
    assert here.stdout == avx2.stdout


def test_compiling_is_announced_once(caplog: pytest.LogCaptureFixture) -> None:
    model = network()
    jobs = [Job(random_rows(model, 1, 1)[0], 5, "x")]
    draw(generate, model, jobs)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        draw(generate, model, jobs)
    assert not caplog.records
