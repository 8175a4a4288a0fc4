"""Mixtures over 16-bit samples."""

from __future__ import annotations

import math

import pytest
import torch

from wavegen.config import ModelConfig
from wavegen.outputs.bins import END
from wavegen.outputs.mixture import (
    FLOOR,
    LEVELS,
    MEAN,
    SCALE,
    GaussianMixture,
    LogisticMixture,
)

MIXTURES = [LogisticMixture(ModelConfig(mixtures=4)), GaussianMixture(ModelConfig(mixtures=4))]
mixtures = pytest.mark.parametrize("output", MIXTURES, ids=["logistic", "gaussian"])


def parameters(scale: float, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """(12,) outputs of a head for four components around a log scale."""
    means, scales = 0.4 * torch.randn(4) / MEAN, scale - SCALE + torch.randn(4)
    return torch.cat([torch.randn(4), means, scales]).to(dtype)


@mixtures
@pytest.mark.parametrize("scale", [-20.0, -11.0, -6.0, -2.0, 1.0])
def test_the_probabilities_of_all_samples_sum_to_one(
    output: LogisticMixture | GaussianMixture, scale: float
) -> None:
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-4)):
        nats = output.loss(parameters(scale, dtype).expand(LEVELS, -1), torch.arange(LEVELS))
        assert nats.dtype == dtype
        assert nats.isfinite().all()
        assert abs(float((-nats).double().exp().sum()) - 1) < tolerance


@mixtures
def test_the_probabilities_between_bounds_of_any_width_sum_to_one(
    output: LogisticMixture | GaussianMixture,
) -> None:
    inner = torch.linspace(-1.5, 1.5, 999, dtype=torch.float64)
    bounds = torch.cat([inner.new_tensor([-torch.inf]), inner, inner.new_tensor([torch.inf])])
    nats = output.loss_between(parameters(-4.0).expand(1000, -1), bounds[:-1], bounds[1:])
    assert abs(float((-nats).exp().sum()) - 1) < 1e-12


@mixtures
def test_samples_are_the_inverse_of_the_cumulative_probabilities(
    output: LogisticMixture | GaussianMixture,
) -> None:
    for scale in (-9.0, -3.0, 1.0):
        logits = parameters(scale)
        nats = output.loss(logits.expand(LEVELS, -1), torch.arange(LEVELS))
        u = torch.rand(5000, dtype=torch.float64)
        want = torch.searchsorted((-nats).exp().cumsum(0), u, right=True).clamp(max=LEVELS - 1)
        got = output.sample(logits.expand(5000, -1), u[:, None])
        assert (got != want).sum() <= 1  # a rounding at the edge of a bin


@mixtures
def test_gradients_are_finite_at_the_edges_and_far_from_every_component(
    output: LogisticMixture | GaussianMixture,
) -> None:
    for code in (0, 1, LEVELS // 2, LEVELS - 2, LEVELS - 1):
        for scale in (-30.0, FLOOR, -3.0, 2.0):
            logits = parameters(scale, torch.float32).requires_grad_()
            loss = output.loss(logits[None], torch.tensor([code]))[0]
            [grad] = torch.autograd.grad(loss, logits)
            assert grad.isfinite().all()


@mixtures
def test_a_mixtures_gradient_is_right(output: LogisticMixture | GaussianMixture) -> None:
    codes = torch.tensor([0, 20_000, 33_000, LEVELS - 1])
    logits = torch.stack([parameters(-3.0) for _ in codes]).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: output.loss(x, codes), logits)


@mixtures
def test_codes_are_sixteen_bit_samples(output: LogisticMixture | GaussianMixture) -> None:
    codes = torch.arange(LEVELS)
    assert torch.equal(output.encode(output.decode(codes)), codes)
    assert output.encode(torch.tensor([-1.0, 0.0, 1.0, 3.0])).tolist() == [0, 32768, 65535, 65535]
    assert output.encode(torch.tensor([1000 / 32768])).item() == 33768


@mixtures
def test_temperature_narrows_a_mixture(output: LogisticMixture | GaussianMixture) -> None:
    logits = parameters(-4.0).expand(2000, -1)
    u = torch.rand(2000, 1, dtype=torch.float64)
    sharp = output.sample(logits, u, 0.0)
    assert len(sharp.unique()) == 1
    best = int(logits[0, :4].argmax())
    assert sharp[0] == output.encode(logits[0, 4 + best] * MEAN)
    assert output.decode(output.sample(logits, u, 0.3)).std() < (
        output.decode(output.sample(logits, u)).std()
    )


@mixtures
def test_the_names_of_a_mixtures_input_are_pinned(
    output: LogisticMixture | GaussianMixture,
) -> None:
    assert set(output.inputs(3).state_dict()) == {"weight", "bias", "start"}


def test_bits_of_a_normal_distribution_are_its_entropy() -> None:
    """That of white noise in 16-bit samples, since bins are integrated and not sampled."""
    output = GaussianMixture(ModelConfig(mixtures=1))
    std = 0.01
    audio = torch.randn(100_000, generator=torch.Generator().manual_seed(0)) * std
    logits = torch.tensor([0.0, 0.0, math.log(std) - SCALE]).expand(len(audio), -1)
    bits = output.loss(logits, output.encode(audio)).mean() / math.log(2)
    entropy = math.log2(std * 32768 * math.sqrt(2 * math.pi * math.e))
    assert abs(bits - entropy) < 0.01


@pytest.mark.parametrize("kind", [LogisticMixture, GaussianMixture])
def test_beside_the_mixture_there_is_the_probability_that_the_clip_is_over(
    kind: type[LogisticMixture | GaussianMixture],
) -> None:
    output, mixture = (kind(ModelConfig(mixtures=4, ends=e)) for e in (True, False))
    assert output.end is not None
    logits = torch.cat([parameters(-4.0), torch.tensor([0.7], dtype=torch.float64)])
    over = torch.sigmoid(torch.tensor(0.7 + END, dtype=torch.float64))
    codes = torch.tensor([0, 30_000, LEVELS - 1, output.end])
    nats = output.loss(logits.expand(4, -1), codes)
    sound = mixture.loss(logits[:-1].expand(3, -1), codes[:3]) - torch.log1p(-over)
    assert torch.allclose(nats, torch.cat([sound, -over.log()[None]]))
    assert torch.autograd.gradcheck(
        lambda x: output.loss(x.expand(4, -1), codes), logits.requires_grad_()
    )


@pytest.mark.parametrize("kind", [LogisticMixture, GaussianMixture])
def test_a_uniform_of_its_own_ends_a_clip_and_changes_no_sample_before(
    kind: type[LogisticMixture | GaussianMixture],
) -> None:
    output, mixture = (kind(ModelConfig(mixtures=4, ends=e)) for e in (True, False))
    logits = torch.cat([parameters(-4.0), torch.tensor([-1.0 - END], dtype=torch.float64)])
    u = torch.rand(4000, 2, dtype=torch.float64)
    sound = mixture.sample(logits[:-1].expand(4000, -1), u[:, :1], 0.7)
    drawn = output.sample(logits.expand(4000, -1), u, 0.7)
    over = drawn == output.end
    assert torch.equal(over, u[:, 1] < 1 / (1 + math.e))  # whatever the temperature
    assert torch.equal(drawn[~over], sound[~over])
    assert torch.equal(output.sample(logits.expand(4000, -1), u, 0.7, ends=False), sound)
    assert output.companded(drawn).max() < 256  # an end has a code, too, though never heard
