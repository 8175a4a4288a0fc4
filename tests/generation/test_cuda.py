"""Engines on a CUDA device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from networks import HOP, VARIANTS, draw, network, random_rows

from wavegen.generation import ENGINES, cached, default_engine, naive
from wavegen.generation.job import Job
from wavegen.synth import plan_seconds, synthesize
from wavegen.voice import Voice

pytestmark = pytest.mark.gpu


def jobs(variant: dict[str, Any], device: str, prompted: int = 0) -> tuple[Any, list[Job]]:
    """A random network in float64 and two jobs for it; the same numbers on any device."""
    torch.manual_seed(0)
    model = network(True, **variant).double()
    rows = random_rows(model, 2, 40)
    codes = torch.randint(0, model.output.levels, (prompted,))
    prompt = codes.to(device) if prompted else None
    return model.to(device), [
        Job(rows[0].to(device), 300, "a", prompt=prompt, ends=True),
        Job(rows[1, :8].to(device), 200, "b", temperature=0.7, prompt=prompt),
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


def test_a_voice_on_cuda_is_drawn_by_the_default_engine(tiny_voice: Voice) -> None:
    assert ENGINES[default_engine("cuda")].runs_on("cuda")
