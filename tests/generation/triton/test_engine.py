"""The kernel agrees with the other engines; without a CUDA device Triton interprets it."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from networks import (
    HOP,
    STACKS,
    draw,
    given_inputs,
    network,
    random_features,
    random_predictor,
    random_rows,
)
from torch import Tensor

from wavegen.audio.linear_prediction import Predictor
from wavegen.config import WeightPrecision
from wavegen.errors import WavegenError
from wavegen.generation import cached, choose_engine, queues
from wavegen.generation.job import Job
from wavegen.generation.triton import engine
from wavegen.generation.triton.engine import generate
from wavegen.generation.triton.packing import pack, sizes_of
from wavegen.generation.uniforms import Uniforms
from wavegen.model.wavenet import WaveNet

pytest.importorskip("triton")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
EVERYTHING: dict[str, Any] = {"signal": True, "period": True, "context": STACKS}


def forced(
    model: WaveNet,
    jobs: Sequence[Job],
    codes: Tensor,
    precision: WeightPrecision = "f32",
    group: int = 16,
    slices: int = 100,
) -> tuple[Tensor, Tensor]:
    """Logits (B, T, Q) and drawn samples (B, T) of the kernel under teacher forcing."""
    from wavegen.generation.triton.group import Group

    first = jobs[0].predictor
    order = first.order if first else 0
    sizes = sizes_of(model, HOP, precision, order, group, forced=True, logits=True)
    g = Group(model, pack(model, sizes, DEVICE), sizes, DEVICE)
    for i, job in enumerate(jobs):
        g.add(i, job)
    at = [lane for i in range(len(jobs)) for lane, x in g.lanes.items() if x.index == i]
    logits, drawn = [], []
    for begin in range(0, codes.shape[1], slices):
        part = codes[:, begin : begin + slices]
        n = part.shape[1]
        given = torch.zeros(g.capacity, n, dtype=torch.int32, device=DEVICE)
        given[at] = part.to(DEVICE, torch.int32)
        out = torch.zeros(g.capacity, n, model.output.channels, device=DEVICE)
        pieces = dict(g.collect(g.launch(n, given, out)))
        logits.append(out[at].cpu())
        drawn.append(torch.stack([pieces[i] for i in range(len(jobs))]))
    return torch.cat(logits, 1), torch.cat(drawn, 1)


def asked(
    model: WaveNet, batch: int, length: int, prompted: int = 0, phase: bool = False
) -> tuple[list[Job], Tensor]:
    """Jobs with prompts, and (B, prompted + length) codes that begin with these."""
    frames = -(-(prompted + length) // HOP)
    local, speaker = random_features(batch, frames), torch.arange(batch) % 3
    with torch.no_grad():
        rows = model.conditioning.encode(batch, speaker, local)
    codes = torch.randint(0, model.output.levels, (batch, prompted + length))
    phases = model.conditioning.phase_codes(local, HOP)
    hot = [random.choice([1.0, 0.7, 0.5 + torch.rand(frames)]) for _ in range(batch)]
    return [
        Job(
            rows[i],
            length + 1,
            str(i),
            hot[i],
            codes[i, :prompted] if prompted else None,
            phase=None if phases is None else phases[i],
            predictor=random_predictor(frames),
        )
        for i in range(batch)
    ], codes


def expected(model: WaveNet, jobs: Sequence[Job], codes: Tensor) -> Tensor:
    """Logits of the parallel forward, (B, T, Q), after the prompts."""
    begin, batch = jobs[0].begin, len(jobs)
    at = torch.arange(codes.shape[1]) // HOP
    frames = -(-codes.shape[1] // HOP)
    padded = torch.nn.functional.pad(codes, (0, frames * HOP - codes.shape[1]))
    predictors: list[Predictor | None] = [j.predictor for j in jobs]
    pairs = zip(predictors, padded, strict=True)
    given = torch.stack([given_inputs(model, p, c) for p, c in pairs if p is not None])
    rows = torch.stack([torch.as_tensor(j.rows) for j in jobs])
    phases = [p for j in jobs if (p := j.phases(0, frames * HOP)) is not None]
    with torch.inference_mode():
        heard, first = model.output.companded(padded), torch.zeros(batch, dtype=torch.int64)
        context = [c.window(c(heard), first, frames * HOP) for c in model.stacks]
        phase = torch.from_numpy(np.stack(phases)) if phases else None
        whole = model.run(padded, rows, None, context, phase=phase, given=given)
    return whole[:, begin : len(at)]


def share_of_same(model: WaveNet, jobs: Sequence[Job], logits: Tensor, drawn: Tensor) -> float:
    """Share of ``drawn`` samples that the jobs' uniforms draw from these logits."""
    length = drawn.shape[1]
    same = 0
    for job, x, codes in zip(jobs, logits, drawn, strict=True):
        u = torch.from_numpy(Uniforms(job.key, model.output.draws).draw(length))
        hot = job.temperatures(job.begin, job.begin + length, HOP)
        same += int((model.output.sample(x, u, hot[:, None], job.ends) == codes).sum())
    return same / drawn.numel()


@pytest.mark.parametrize(
    ("variant", "prompted"),
    [
        ({"kernel_size": 3, "ends": True}, 0),
        ({"output": "logistic_mixture", "mixtures": 4, "phase": True}, 0),
        ({"output": "logistic_mixture", "ends": True, "context": STACKS}, 21),
        ({"output": "gaussian_mixture", "mixtures": 3, "context": STACKS, "period": True}, 45),
        (EVERYTHING, 0),
        (EVERYTHING | {"kernel_size": 3}, 37),
    ],
    ids=str,
)
def test_every_variant_steps_as_it_runs(variant: dict[str, Any], prompted: int) -> None:
    model = network(True, layers=3, dilation_cycle=2, **variant)
    jobs, codes = asked(model, 60, 26, prompted, variant.get("phase", False))
    whole = expected(model, jobs, codes)
    logits, drawn = forced(model, jobs, codes[:, prompted:], group=64, slices=15)
    assert (logits - whole).abs().max() < 1e-4
    assert share_of_same(model, jobs, whole, drawn) > 0.995


def test_the_same_uniforms_give_the_samples_of_cached() -> None:
    model = network(True, signal=True, period=True, residual_channels=16, skip_channels=16)
    jobs, codes = asked(model, 512, 40)
    rows = torch.stack([torch.as_tensor(j.rows) for j in jobs])
    logits = []
    with torch.inference_mode():
        weights, state = queues.Weights.from_model(model), queues.initial_state(model, 512)
        feedback = cached.Feedback(model, jobs, HOP)
        for t in range(40):
            gates = model.conditioning.project(rows[:, t // HOP])
            logits.append(queues.step(weights, state, gates, given=feedback.inputs()))
            state.code = codes[:, t]
            feedback.append(state.code)
    found, drawn = forced(model, jobs, codes, group=512)
    whole = torch.stack(logits, 1)
    assert (found - whole).abs().max() < 1e-4
    assert share_of_same(model, jobs, whole, drawn) >= 0.999  # of 20,480
    found, drawn = forced(model, jobs, codes[:, :10], "f16", group=512)
    assert 1e-6 < (found - whole[:, :10]).abs().max() < 1e-2
    assert share_of_same(model, jobs, whole[:, :10], drawn) >= 0.999


def test_clips_that_take_turns_are_those_of_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LANES", 3)
    model = network(True, layers=3, dilation_cycle=2, **EVERYTHING)
    rows = random_rows(model, 7, 2)
    prompt = torch.randint(0, 256, (21,))
    jobs = [
        Job(r, n, str(n), 0.8, prompt if n > 8 else None, predictor=random_predictor(3, order=40))
        for r, n in zip(rows, (3, 12, 5, 1, 9, 10, 2), strict=True)
    ]
    for devices in ([], [DEVICE, DEVICE]):
        found = draw(generate, model, jobs, precision="f32", block=5, devices=devices)
        for job, codes in zip(jobs, found, strict=True):
            assert torch.equal(codes, draw(cached.generate, model, [job])[0])


def test_company_lanes_and_blocks_change_no_sample() -> None:
    model = network(True, layers=3, dilation_cycle=2, output="logistic_mixture", period=True)
    rows = random_rows(model, 20, 2)
    jobs = [
        Job(rows[i], 4 + i % 5, str(i), predictor=random_predictor(2 + i, 9 + 8 * i))
        for i in range(20)
    ]
    together = draw(generate, model, jobs, block=3)
    for i in (0, 7, 19):
        assert torch.equal(draw(generate, model, [jobs[i]], block=100)[0], together[i])


def test_without_triton_or_a_gpu_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(WavegenError, match=r"^engine triton needs the voice on a CUDA device"):
        choose_engine("triton", None, "cpu")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WavegenError, match=r"^engine triton needs the package triton: pip install"):
        choose_engine("triton", None, "cuda")


class NoCompiler:
    """Stands for a kernel that can't be compiled."""

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        raise RuntimeError("Failed to find C compiler.\nPlease specify via CC")


def test_a_kernel_that_fails_is_told_of_in_a_line_before_a_job_is_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from wavegen.generation.triton import group

    model = network(layers=2)
    engine.check(model, HOP, 0)
    monkeypatch.setattr(engine, "_ran", set())
    monkeypatch.setattr(group, "draw", NoCompiler())
    why = "RuntimeError: Failed to find C compiler. Please specify via CC$"
    with pytest.raises(WavegenError, match=rf"^engine triton fails on \S.*: {why}"):
        engine.check(model, HOP, 0)
    with pytest.raises(WavegenError, match=why):
        list(generate(model, [Job(random_rows(model, 1, 1)[0], 3, "")], HOP))


def test_the_time_of_a_lane_without_a_job_never_becomes_negative() -> None:
    from wavegen.generation.triton.group import Group

    model = network(layers=2)
    sizes = sizes_of(model, HOP, "f32")
    g = Group(model, pack(model, sizes, DEVICE), sizes, DEVICE)
    g.add(0, Job(random_rows(model, 1, 1)[0], 3, ""))
    [lane] = g.lanes
    g.state.time[lane + 1 :] = 2**31 - 2
    g.collect(g.launch(3))
    assert g.state.time[lane] == 3
    assert (g.state.time[lane + 1 :] == 1).all()


@pytest.mark.parametrize("precision", ["f32", "f16"])
@pytest.mark.parametrize("channels", [1, 64, 2000])
def test_products_are_as_large_as_those_of_tensor_cores(
    precision: WeightPrecision, channels: int
) -> None:
    model = network(layers=1, residual_channels=channels, skip_channels=3 * channels)
    z = sizes_of(model, HOP, precision)
    assert min(z.blocks.tile, z.blocks.skip_tile, z.head_tile, z.row_tile, z.row) >= 16


def test_a_job_without_what_the_network_needs_is_refused() -> None:
    rows = torch.zeros(1, 0)
    for variant, message in (({"phase": True}, "the phase"), ({"period": True}, "the inputs")):
        model = network(True, **variant)
        with pytest.raises(ValueError, match=f"needs {message}"):
            list(generate(model, [Job(rows, 3, "")], HOP))
