"""Distributions of the next sample."""

from __future__ import annotations

import math

import pytest
import torch

from wavegen.config import ModelConfig
from wavegen.outputs.categorical import Categorical
from wavegen.outputs.mixture import (
    FLOOR,
    LEVELS,
    MEAN,
    SCALE,
    GaussianMixture,
    LogisticMixture,
)

CATEGORICAL = Categorical(ModelConfig())
MIXTURES = [LogisticMixture(ModelConfig(mixtures=4)), GaussianMixture(ModelConfig(mixtures=4))]
mixtures = pytest.mark.parametrize("output", MIXTURES, ids=["logistic", "gaussian"])


def parameters(scale: float, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Of four components around a log scale."""
    means, scales = 0.4 * torch.randn(4) / MEAN, scale - SCALE + torch.randn(4)
    return torch.cat([torch.randn(4), means, scales]).to(dtype)


def test_sampling_follows_the_probabilities() -> None:
    logits = torch.randn(256) * 2
    n = 200_000
    u = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    drawn = CATEGORICAL.sample(logits.expand(n, -1), u)
    share = torch.bincount(drawn, minlength=256) / n
    assert (share - logits.softmax(0)).abs().max() < 1e-4
    assert torch.equal(drawn, drawn.sort().values)  # inverse CDF: monotone in the uniform


def test_extreme_uniforms_and_temperatures_stay_in_range() -> None:
    logits = torch.randn(2, 256)
    u = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    for temperature in (0.0, 1e-3, 1.0, 100.0):
        drawn = CATEGORICAL.sample(logits, u, temperature)
        assert drawn.min() >= 0
        assert drawn.max() <= 255
    assert torch.equal(CATEGORICAL.sample(logits, u, 0), logits.argmax(-1))


def test_the_loss_is_whether_the_clip_ends_and_which_code_comes_if_not() -> None:
    output = Categorical(ModelConfig(ends=True))
    logits, codes = 3 * torch.randn(5, 257), torch.tensor([0, 128, 255, 256, 256])
    which = CATEGORICAL.loss(logits[:, :256], codes.clamp_max(255)) * (codes < 256)
    both = output.ending(logits, codes) + which
    assert torch.allclose(both, output.loss(logits, codes), atol=1e-5)


def test_the_end_is_drawn_only_where_a_clip_may_end() -> None:
    output = Categorical(ModelConfig(ends=True))
    logits = torch.zeros(2, 257)
    logits[:, 256] = 20.0
    u = torch.full((2,), 0.5, dtype=torch.float64)
    drawn = output.sample(logits, u, 1.0, torch.tensor([True, False]))
    assert drawn.tolist() == [256, 128]
    assert output.sample(logits, u, 0.0, torch.tensor([True, False]))[0] == 256
    assert logits[1, 256] == 20.0  # the caller's stay as they are


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
def test_samples_are_the_inverse_of_the_cumulative_probabilities(
    output: LogisticMixture | GaussianMixture,
) -> None:
    for scale in (-9.0, -3.0, 1.0):
        logits = parameters(scale)
        nats = output.loss(logits.expand(LEVELS, -1), torch.arange(LEVELS))
        u = torch.rand(5000, dtype=torch.float64)
        want = torch.searchsorted((-nats).exp().cumsum(0), u, right=True).clamp(max=LEVELS - 1)
        got = output.sample(logits.expand(5000, -1), u)
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
    u = torch.rand(2000, dtype=torch.float64)
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
    """Of 16-bit samples of white noise, since bins are integrated and not sampled."""
    output = GaussianMixture(ModelConfig(mixtures=1))
    std = 0.01
    audio = torch.randn(100_000, generator=torch.Generator().manual_seed(0)) * std
    logits = torch.tensor([0.0, 0.0, math.log(std) - SCALE]).expand(len(audio), -1)
    bits = output.loss(logits, output.encode(audio)).mean() / math.log(2)
    entropy = math.log2(std * 32768 * math.sqrt(2 * math.pi * math.e))
    assert abs(bits - entropy) < 0.01
