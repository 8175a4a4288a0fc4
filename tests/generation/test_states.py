"""The engines that draw from networks that carry a state agree."""

from typing import Any

import pytest
import torch
from networks import HOP, SIZES, draw, random_features, random_predictor, random_rows, stateful

from wavegen.generation import cached, naive
from wavegen.generation.job import Job

VARIANTS: list[dict[str, Any]] = [
    {},
    {"ends": True, "output": "logistic_mixture", "mixtures": 3},
    {"signal": True, "period": True},
]


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("prompted", [0, 1, 37])
def test_naive_and_cached_draw_the_same(kind: str, variant: dict[str, Any], prompted: int) -> None:
    model = stateful(kind, conditioned=True, **variant).double()
    rows = random_rows(model, 2, 12)
    prompt = torch.randint(0, model.output.levels, (prompted,)) if prompted else None
    jobs = [
        Job(rows[0], 150, "a", prompt=prompt, ends=True, predictor=random_predictor(9)),
        Job(rows[1, :4], 90, "b", 0.5 + torch.rand(7), prompt, predictor=random_predictor(12)),
    ]
    slow, fast = draw(naive.generate, model, jobs), draw(cached.generate, model, jobs, block=40)
    for a, b in zip(slow, fast, strict=True):
        assert torch.equal(a, b)
    assert len(slow[1]) == 90


@pytest.mark.parametrize("kind", SIZES)
def test_naive_and_cached_draw_the_same_with_the_phase(kind: str) -> None:
    model = stateful(kind, conditioned=True, phase=True).double()
    local = random_features(1, 8)
    phase = model.conditioning.phase_codes(local, HOP)
    assert phase is not None
    with torch.no_grad():
        [rows] = model.conditioning.encode(1, torch.tensor([2]), local.to(torch.float64))
    jobs = [Job(rows, 160, "a", prompt=torch.randint(0, 256, (20,)), phase=phase[0])]
    [slow], [fast] = draw(naive.generate, model, jobs), draw(cached.generate, model, jobs)
    assert torch.equal(slow, fast)


@pytest.mark.parametrize("kind", SIZES)
def test_blocks_do_not_change_the_samples(kind: str) -> None:
    model = stateful(kind).double()
    jobs = [Job(random_rows(model, 1, 1)[0], 100, "x")]
    a, b = (draw(cached.generate, model, jobs, block=n) for n in (7, 100))
    assert torch.equal(a[0], b[0])
