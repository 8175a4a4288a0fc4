"""Engines agree with the parallel forward and with each other."""

import gc
import itertools

import pytest
import torch
from networks import HOP, draw, network, random_rows
from torch import Tensor

from wavegen.generation import cached, naive
from wavegen.generation.job import Job
from wavegen.generation.uniforms import Uniforms, key
from wavegen.outputs import OUTPUTS


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("cycle", [1, 3, 6])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("conditioned", [False, True])
def test_cached_logits_are_those_of_the_parallel_forward(
    kernel: int, cycle: int, batch: int, conditioned: bool
) -> None:
    model = network(kernel_size=kernel, dilation_cycle=cycle, conditioned=conditioned)
    frames = 12
    rows = random_rows(model, batch, frames)
    codes = torch.randint(0, 256, (batch, frames * HOP))
    with torch.inference_mode():
        whole = model.run(codes, rows.expand(-1, frames, -1))
        weights, state = cached.Weights.of(model), cached.initial_state(model, batch)
        for t in range(codes.shape[1]):
            frame = min(t // HOP, rows.shape[1] - 1)
            logits = cached.step(weights, state, model.conditioning.project(rows[:, frame]))
            assert (logits - whole[:, t]).abs().max() < 1e-4
            state.code = codes[:, t]


@pytest.mark.parametrize("conditioned", [False, True])
def test_engines_draw_the_same_free_running_samples_in_float64(conditioned: bool) -> None:
    model = network(conditioned=conditioned).double()
    rows = random_rows(model, 3, 100)
    jobs = [
        Job(rows[0], 2000, "a"),
        Job(rows[1, :50], 700, "b", temperature=0.7),
        Job(rows[2], 400, "c", temperature=0.0),
    ]
    slow, fast = draw(naive.generate, model, jobs), draw(cached.generate, model, jobs)
    assert [len(c) for c in slow] == [2000, 700, 400]
    assert len(slow[0].unique()) > 100
    for a, b in zip(slow, fast, strict=True):
        assert torch.equal(a, b)


def test_blocks_do_not_change_the_samples() -> None:
    model = network().double()
    jobs = [Job(random_rows(model, 1, 1)[0], 100, "x")]
    a, b = (draw(cached.generate, model, jobs, block=n) for n in (7, 100))
    assert torch.equal(a[0], b[0])


def test_memory_does_not_grow_with_length() -> None:
    model = network()
    jobs = [Job(random_rows(model, 1, 1)[0], 10**9, "x")]
    blocks = cached.generate(model, jobs, HOP, block=100)

    def held() -> int:
        gc.collect()
        return sum(o.untyped_storage().nbytes() for o in gc.get_objects() if type(o) is Tensor)

    list(itertools.islice(blocks, 2))
    before = held()
    list(itertools.islice(blocks, 20))
    assert held() <= before


def test_sampling_follows_the_probabilities() -> None:
    logits = torch.randn(256) * 2
    n = 200_000
    u = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    drawn = OUTPUTS["categorical"].sample(logits.expand(n, -1), u)
    share = torch.bincount(drawn, minlength=256) / n
    assert (share - logits.softmax(0)).abs().max() < 1e-4
    assert torch.equal(drawn, drawn.sort().values)  # inverse CDF: monotone in the uniform


def test_extreme_uniforms_and_temperatures_stay_in_range() -> None:
    logits = torch.randn(2, 256)
    u = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    for temperature in (0.0, 1e-3, 1.0, 100.0):
        drawn = OUTPUTS["categorical"].sample(logits, u, temperature)
        assert drawn.min() >= 0
        assert drawn.max() <= 255
    assert torch.equal(OUTPUTS["categorical"].sample(logits, u, 0), logits.argmax(-1))


def test_a_stream_depends_on_its_key_alone() -> None:
    whole = Uniforms(key(0, "one", "george")).draw(10)
    parts = Uniforms(key(0, "one", "george"))
    assert [*parts.draw(4), *parts.draw(6)] == [*whole]
    assert set(whole).isdisjoint(Uniforms(key(1, "one", "george")).draw(10))
