"""Voices of random weights, and of stored ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from networks import STACKS

from wavegen.assembly import untrained, weight_shapes
from wavegen.recipe import load_config

SMALL = {"layers": 3, "residual_channels": 6, "skip_channels": 5}
CONDITIONING = {"mel_channels": 4, "acoustic_channels": 6, "flow_channels": 8}


@pytest.mark.parametrize(
    ("features", "model", "conditioning"),
    [
        ("none", {}, {}),
        ("none", {"ends": True, "context": STACKS}, {}),
        ("none", {"ends": True, "output": "logistic_mixture"}, {}),
        ("mel", {"output": "logistic_mixture", "mixtures": 3}, {"period": False}),
        ("mel", {"kernel_size": 3}, {"signal": False, "period": False, "phase": False}),
        ("mel", {"output": "gaussian_mixture"}, {"linear_prediction": False}),
        ("mel", {}, {"content_channels": 6}),
        ("phones_f0", {"context": STACKS[1:]}, {}),
        ("none", {"kind": "gru", "ends": True}, {}),
        ("mel", {"kind": "transformer", "heads": 3}, {}),
    ],
)
@pytest.mark.parametrize("speakers", [(), ("ann", "bob")])
@pytest.mark.parametrize("symbols", [(), ("_", ".", "a", "n")])
def test_shapes_are_those_of_the_modules_and_weights_are_kept(
    features: str,
    model: dict[str, Any],
    conditioning: dict[str, Any],
    speakers: tuple[str, ...],
    symbols: tuple[str, ...],
) -> None:
    table = {"features": features, **CONDITIONING, **conditioning}
    config = load_config({"model": SMALL | model, "conditioning": table}, "test")
    if features == "phones_f0" and not symbols:
        return
    made = untrained(config, speakers, symbols).tensors()
    assert {n: tuple(t.shape) for n, t in made.items()} == weight_shapes(config, speakers, symbols)
    arrays = {n: t.numpy().copy() for n, t in made.items()}
    kept = untrained(config, speakers, symbols, weights=arrays).tensors()
    assert kept.keys() == made.keys()
    assert all(torch.equal(kept[n], t) for n, t in made.items())
