"""Softmax over µ-law codes and the end of a clip."""

import torch

from wavegen.audio import mulaw
from wavegen.config import ModelConfig
from wavegen.outputs.categorical import Categorical

CATEGORICAL = Categorical(ModelConfig())


def test_sampling_follows_the_probabilities() -> None:
    logits = torch.randn(256) * 2
    n = 200_000
    u = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    drawn = CATEGORICAL.sample(logits.expand(n, -1), u[:, None])
    share = torch.bincount(drawn, minlength=256) / n
    assert (share - logits.softmax(0)).abs().max() < 1e-4
    assert torch.equal(drawn, drawn.sort().values)  # inverse CDF: monotone in the uniform


def test_extreme_uniforms_and_temperatures_stay_in_range() -> None:
    logits = torch.randn(2, 256)
    u = torch.tensor([[0.0], [1 - 2**-53]], dtype=torch.float64)
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
    u = torch.full((2, 1), 0.5, dtype=torch.float64)
    drawn = output.sample(logits, u, 1.0, torch.tensor([True, False]))
    assert drawn.tolist() == [256, 128]
    assert output.sample(logits, u, 0.0, torch.tensor([True, False]))[0] == 256
    assert logits[1, 256] == 20.0  # the caller's stay as they are


def test_the_probabilities_between_bounds_that_tile_all_amplitudes_sum_to_one() -> None:
    inner = torch.linspace(-0.99, 0.99, 999, dtype=torch.float64)
    bounds = torch.cat([inner.new_tensor([-torch.inf]), inner, inner.new_tensor([torch.inf])])
    for ends in (False, True):
        logits = 3 * torch.randn(256 + ends, dtype=torch.float64)
        logits[256:] = -20
        output = Categorical(ModelConfig(ends=ends))
        nats = output.loss_between(logits.expand(1000, -1), bounds[:-1], bounds[1:])
        assert abs(float((-nats).exp().sum()) - 1) < 1e-6


def test_a_code_is_spread_evenly_over_the_amplitudes_that_it_stands_for() -> None:
    edges = torch.from_numpy(mulaw.edges())
    assert mulaw.encode(((edges[1:] + edges[:-1]) / 2).numpy()).tolist() == list(range(256))
    logits = torch.randn(256, 256, dtype=torch.float64)
    whole = CATEGORICAL.loss(logits, torch.arange(256))
    assert torch.allclose(CATEGORICAL.loss_between(logits, edges[:-1], edges[1:]), whole)
    middle = (edges[:-1] + edges[1:]) / 2
    half = CATEGORICAL.loss_between(logits, edges[:-1], middle)
    assert torch.allclose(half, whole + torch.tensor(2.0).log().double())


def test_amplitudes_beyond_one_count_as_the_nearest_that_have_a_code() -> None:
    logits = torch.randn(1, 256, dtype=torch.float64)
    cell = torch.tensor([0.999]), torch.tensor([1.0])
    beyond = torch.tensor([3.0]), torch.tensor([3.001])
    far = [CATEGORICAL.loss_between(logits, *(b.double() for b in x)) for x in (cell, beyond)]
    assert torch.allclose(*far, atol=1e-3)
    assert torch.allclose(
        CATEGORICAL.loss_between(logits, beyond[0].double(), torch.tensor([torch.inf]).double()),
        CATEGORICAL.loss(logits, torch.tensor([255])),
    )
