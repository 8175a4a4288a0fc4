"""Conditional flow matching."""

import pytest
import torch

from wavegen.model.flow import Flow


def fitted(data: torch.Tensor, condition: torch.Tensor) -> Flow:
    """A small flow that has learned (B, C, F) data, given (B, 1, F)."""
    torch.manual_seed(0)
    flow = Flow(data.shape[1], 1, 32, 2)
    optimiser = torch.optim.Adam(flow.parameters(), 3e-3)
    everywhere = torch.ones_like(data[:, :1])
    for _ in range(400):
        loss = flow.loss(data, torch.randn_like(data), condition, everywhere, everywhere)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    return flow.eval()


@torch.inference_mode()
def drawn(flow: Flow, condition: torch.Tensor, temperature: float) -> torch.Tensor:
    noise = temperature * torch.randn(len(condition), flow.channels, condition.shape[2])
    everywhere = torch.ones_like(condition)
    return flow.sample(noise, condition, everywhere, everywhere, 8)


def test_it_learns_a_spread_that_depends_on_the_condition() -> None:
    torch.manual_seed(1)
    condition = torch.randint(0, 2, (64, 1, 20)).float()
    flow = fitted(condition + (0.2 + 0.6 * condition) * torch.randn(64, 2, 20), condition)
    x = drawn(flow, condition, 1.0)
    for value, std in ((0.0, 0.2), (1.0, 0.8)):
        found = x[(condition == value).expand_as(x)]
        assert found.mean() == pytest.approx(value, abs=0.1)
        assert found.std() == pytest.approx(std, rel=0.2)
    cold = drawn(flow, condition, 0.5)[(condition == 1).expand_as(x)]
    assert cold.std() == pytest.approx(0.4, rel=0.25)


def test_it_draws_one_of_two_values_and_not_their_mean() -> None:
    torch.manual_seed(1)
    condition = torch.zeros(64, 1, 20)
    signs = torch.randint(0, 2, (64, 1, 20)) * 2.0 - 1
    x = drawn(fitted(signs, condition), condition, 1.0)
    assert ((x.abs() - 1).abs() < 0.3).float().mean() > 0.9
    assert x.mean().abs() < 0.1


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    flow = Flow(3, 2, 16, 5).eval()
    for p in flow.parameters():
        torch.nn.init.normal_(p, std=0.2)  # the last layers begin at zero
    noise, condition = torch.randn(2, 3, 12), torch.randn(2, 2, 12)
    mask = torch.ones(2, 1, 12)
    mask[1, :, 7:] = 0
    with torch.inference_mode():
        both = flow.sample(noise, condition, mask, mask, 2)
        ones = torch.ones(1, 1, 7)
        alone = flow.sample(noise[1:, :, :7], condition[1:, :, :7], ones, ones, 2)
    assert torch.allclose(both[1:, :, :7], alone, atol=1e-5)
    assert (both[1, :, 7:] == 0).all()


def test_frames_without_data_count_for_nothing() -> None:
    torch.manual_seed(0)
    flow = Flow(1, 2, 16, 2)
    x, noise, condition = torch.randn(2, 1, 12), torch.randn(2, 1, 12), torch.randn(2, 2, 12)
    mask = torch.ones(2, 1, 12)
    where = (torch.rand(2, 1, 12) > 0.5).float()

    def loss(x: torch.Tensor) -> float:
        torch.manual_seed(1)
        return flow.loss(x, noise, condition, mask, where).item()

    assert loss(x) == loss(torch.where(where > 0, x, 9.0))
    assert flow.loss(x, noise, condition, mask, torch.zeros_like(where)).item() == 0
