"""Weights under the names that a module gives them."""

import pytest
import torch
from torch import nn

from wavegen.model.weights import Weights


def test_those_of_a_module_are_copied_from_its_device_when_they_are_asked_for() -> None:
    weights = Weights.of(nn.Sequential(nn.Linear(2, 3, device="meta")))  # which has none to copy
    part = weights.part("0")
    assert "weight" in part
    assert "gain" not in part
    with pytest.raises(NotImplementedError):
        part["weight"]


def test_they_share_the_memory_of_a_module_on_the_cpu() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    with torch.no_grad():
        module[1].bias.fill_(7)
    assert (Weights.of(module).part("1")["bias"] == 7).all()
