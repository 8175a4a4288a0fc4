"""Engines on a CUDA device."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from networks import HOP, VARIANTS, draw, network, random_predictor, random_rows

from wavegen.errors import WavegenError
from wavegen.generation import ENGINES, cached, naive
from wavegen.generation.job import Job
from wavegen.request import Request
from wavegen.synth import plan, synthesize
from wavegen.voice import Voice

pytestmark = pytest.mark.gpu


def jobs(variant: dict[str, Any], device: str, prompted: int = 0) -> tuple[Any, list[Job]]:
    """A random network in float64 and two jobs for it; the same numbers on any device."""
    torch.manual_seed(0)
    model = network(True, **variant).double()
    rows, hot = random_rows(model, 2, 40), 0.5 + torch.rand(7)
    codes = torch.randint(0, model.output.levels, (prompted,))
    prompt = codes.to(device) if prompted else None
    return model.to(device), [
        Job(rows[0].to(device), 300, "a", 1.0, prompt, True, predictor=random_predictor(9)),
        Job(rows[1, :8].to(device), 200, "b", hot, prompt, predictor=random_predictor(40)),
    ]


@pytest.mark.parametrize("variant", [{}, *VARIANTS], ids=str)
@pytest.mark.parametrize("prompted", [0, 37, 205])
def test_cached_draws_what_naive_draws(variant: dict[str, Any], prompted: int) -> None:
    model, asked = jobs(variant, "cuda", prompted)
    slow, fast = draw(naive.generate, model, asked), draw(cached.generate, model, asked)
    for a, b in zip(slow, fast, strict=True):
        assert b.device.type == "cuda"
        assert torch.equal(a, b)


@pytest.mark.parametrize("variant", [{}, *VARIANTS], ids=str)
def test_cached_draws_what_it_draws_on_a_cpu(variant: dict[str, Any]) -> None:
    here, there = (draw(cached.generate, *jobs(variant, device)) for device in ("cpu", "cuda"))
    for a, b in zip(here, there, strict=True):
        assert torch.equal(a, b.cpu())


def test_a_voice_on_cuda_speaks_and_continues(tiny_voice: Voice) -> None:
    voice = copy.deepcopy(tiny_voice)
    voice.model.to("cuda")
    [spoken] = plan(tiny_voice, Request(text="one"))
    assert spoken.local is not None
    hop = voice.config.hop_length
    prompt = torch.zeros(3 * hop + 7)
    continued = replace(spoken, prompt=prompt, samples=spoken.samples - len(prompt))
    for utterance in (spoken, continued):
        [audio] = synthesize(voice, [utterance])
        assert len(audio) == utterance.samples
        assert np.isfinite(audio).all()
    with pytest.raises(WavegenError, match="engine numba needs the voice on the CPU"):
        synthesize(voice, [spoken], engine="numba")


@pytest.mark.parametrize("variant", [{}, VARIANTS[2], VARIANTS[-1]], ids=str)
@pytest.mark.parametrize("prompted", [0, 37])
def test_triton_draws_what_cached_draws(variant: dict[str, Any], prompted: int) -> None:
    pytest.importorskip("triton")
    model, asked = jobs(variant, "cuda", prompted)
    model.float()
    asked = [replace(j, rows=j.rows.float(), ends=False) for j in asked]
    slow = draw(cached.generate, model, asked)
    fast = draw(ENGINES["triton"].generate, model, asked, precision="f32", block=90)
    for a, b in zip(slow, fast, strict=True):
        assert len(a) == len(b)
        assert torch.equal(a[:30].cpu(), b[:30])  # until a rounding falls the other way


def test_triton_takes_jobs_and_launches_without_waiting_for_the_gpu() -> None:
    pytest.importorskip("triton")
    from wavegen.generation.triton.group import Group
    from wavegen.generation.triton.packing import pack, shared_memory, sizes_of

    model, asked = jobs(VARIANTS[-1], "cuda")
    model.float()
    device = model.skip_bias.device
    sizes = sizes_of(model, HOP, "f16", 9, shared=shared_memory(device))
    group = Group(model, pack(model, sizes, device), sizes, device)
    group.run_once()
    asked = [replace(job, rows=job.rows.float().cpu(), ends=False) for job in asked]
    try:
        torch.cuda.set_sync_debug_mode("error")
        for i, job in enumerate(asked):
            group.add(i, job)
        launches = [group.launch(50) for _ in range(2)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for launch in launches:
        assert [len(codes) for _, codes in group.collect(launch)] == [50, 50]
