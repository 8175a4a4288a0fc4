"""Convolutions as matrix products."""

import pytest
import torch
from torch import nn

from wavegen.model.convolution import convolve


@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (3, 1), (3, 4), (5, 2)])
def test_they_are_those_of_torch(kernel: int, dilation: int) -> None:
    layer = nn.Conv1d(6, 7, kernel, padding=kernel // 2 * dilation, dilation=dilation)
    x = torch.randn(2, 9, 6, requires_grad=True)
    ours, torchs = convolve(x, layer), layer(x.transpose(1, 2)).transpose(1, 2)
    assert torch.allclose(ours, torchs, atol=1e-6)
    grads = [torch.autograd.grad(y.square().sum(), [x, layer.weight]) for y in (ours, torchs)]
    for a, b in zip(*grads, strict=True):
        assert torch.allclose(a, b, atol=1e-4)


def test_under_autocast_they_are_of_low_precision() -> None:
    layer, x = nn.Conv1d(6, 7, 3, padding=1), torch.randn(2, 9, 6)
    with torch.autocast("cpu", torch.bfloat16):
        low = convolve(x, layer)
    assert low.dtype == torch.bfloat16
    assert (low.float() - convolve(x, layer)).abs().max() < 0.1
