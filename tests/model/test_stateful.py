"""Networks that carry a state: causality, and one forward, pieces and steps that are the same."""

from typing import Any

import pytest
import torch
from networks import HOP, SIZES, given_inputs, random_features, random_predictor, stateful
from torch import Tensor

from wavegen.model.stateful import BODIES, Stateful

SETTINGS: list[dict[str, Any]] = [
    {},
    {"output": "logistic_mixture", "mixtures": 3, "ends": True},
    {"conditioned": True, "phase": True},
    {"conditioned": True, "signal": True, "period": True},
]
FRAMES = 6


def known(model: Stateful, codes: Tensor) -> dict[str, Tensor]:
    """Encoded conditioning, phase and inputs of linear prediction, of one utterance."""
    local = random_features(1, FRAMES, dtype=torch.float64) if model.conditioning.inputs else None
    speaker = None if local is None else torch.tensor([1])
    rows = model.conditioning.encode(1, speaker, local).expand(-1, FRAMES, -1)
    found = {"encoded": rows}
    if (phase := model.conditioning.phase_codes(local, HOP)) is not None:
        found["phase"] = phase
    if model.given is not None:
        found["given"] = given_inputs(model, random_predictor(FRAMES), codes[0])[None]
    return found


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@torch.no_grad()
def test_steps_and_pieces_are_those_of_the_parallel_forward(
    kind: str, settings: dict[str, Any]
) -> None:
    model = stateful(kind, **settings).double()
    codes = torch.randint(0, model.output.levels, (1, FRAMES * HOP))
    about = known(model, codes)
    whole = model.run(codes, **about)
    preceding, state = model.preceding(codes), model.body.initial(1)
    for t in range(codes.shape[1]):
        now = {n: x[:, t : t + 1] for n, x in about.items() if n != "encoded"}
        rows = about["encoded"][:, t // HOP, None]
        logits, state = model.advance(preceding[:, t, None], rows, state=state, **now)
        assert torch.allclose(logits[:, 0], whole[:, t], atol=1e-12)
    recording = codes[:, : 5 * HOP + 3]
    about["given"] = about.get("given", torch.zeros(1, FRAMES * HOP, 0))[:, : recording.shape[1]]
    nats = model.nll(recording, hop_length=HOP, chunk_frames=2, **about)
    assert torch.allclose(nats, model.output.loss(whole, codes)[:, : recording.shape[1]])


@pytest.mark.parametrize("kind", SIZES)
def test_logits_never_depend_on_the_sample_they_predict_or_later_ones(kind: str) -> None:
    model = stateful(kind, conditioned=True).double()
    speaker, local = torch.tensor([1]), random_features(1, 4, dtype=torch.float64)
    codes = torch.randint(0, 256, (1, 40))
    given = torch.randn(1, 40, model.given.in_features) if model.given is not None else None
    base = model(codes, speaker, local, given=given)
    assert not torch.equal(base, model(codes, torch.tensor([0]), local, given=given))
    for t in (0, 17, 39):
        changed = codes.clone()
        changed[:, t:] = (changed[:, t:] + 100) % 256
        logits = model(changed, speaker, local, given=given)
        assert torch.allclose(logits[:, : t + 1], base[:, : t + 1], atol=1e-12)
        assert not torch.allclose(logits[:, t + 1 :], base[:, t + 1 :]) or t == 39


@pytest.mark.parametrize("kind", SIZES)
def test_it_trains_in_bf16_where_the_hardware_has_it(kind: str) -> None:
    model = stateful(kind)
    codes = torch.randint(0, 256, (2, 50))
    exact = model(codes)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(codes)
    assert (rough.float() - exact).abs().max() < 0.1
    model.output.loss(rough, codes).mean().backward()
    assert all(p.grad is not None for p in model.blocks.parameters())


def test_every_kind_is_tested() -> None:
    assert {*SIZES} == {*BODIES}
