"""Engines agree with the parallel forward and with each other."""

import gc
import itertools

import pytest
import torch
from torch import Tensor

from wavegen.config import load_config
from wavegen.generation import ENGINES, cached
from wavegen.generation.uniforms import Uniforms, key
from wavegen.model.wavenet import WaveNet
from wavegen.outputs import OUTPUTS

HOP = 16


def network(kernel: int, cycle: int, conditioned: bool) -> WaveNet:
    config = load_config(
        {
            "model": {
                "layers": 6,
                "dilation_cycle": cycle,
                "kernel_size": kernel,
                "residual_channels": 12,
                "skip_channels": 10,
            },
            "conditioning": {"encoder_channels": 8, "speaker_channels": 4},
        },
        "test",
    )
    return WaveNet(config, 3 if conditioned else 0, 5 if conditioned else 0)


def conditioning(model: WaveNet, batch: int, frames: int) -> Tensor:
    speaker = local = None
    if model.conditioning.local_channels:
        speaker = torch.arange(batch) % 3
        local = torch.randn(batch, 5, frames, dtype=model.skip_bias.dtype)
    with torch.no_grad():
        return model.conditioning.encode(batch, speaker, local)


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("cycle", [1, 3, 6])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("conditioned", [False, True])
def test_cached_logits_are_those_of_the_parallel_forward(
    kernel: int, cycle: int, batch: int, conditioned: bool
) -> None:
    model = network(kernel, cycle, conditioned)
    frames = 12
    rows = conditioning(model, batch, frames)
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
    model = network(2, 3, conditioned).double()
    rows = conditioning(model, 2, 100)
    drawn = {
        name: torch.cat(list(engine(model, rows, HOP, 2000, Uniforms(["a", "b"]))), 1)
        for name, engine in ENGINES.items()
    }
    naive = drawn.pop("naive")
    assert naive.shape == (2, 2000)
    assert len(naive.unique()) > 100
    for name, codes in drawn.items():
        assert torch.equal(codes, naive), name


def test_blocks_do_not_change_the_samples() -> None:
    model = network(2, 3, False).double()
    rows = conditioning(model, 1, 1)
    a, b = (
        torch.cat(list(cached.generate(model, rows, HOP, 100, Uniforms(["x"]), block=n)), 1)
        for n in (7, 100)
    )
    assert torch.equal(a, b)


def test_memory_does_not_grow_with_length() -> None:
    model = network(2, 3, False)
    blocks = cached.generate(
        model, conditioning(model, 1, 1), HOP, 10**9, Uniforms(["x"]), block=100
    )

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


def test_an_utterance_has_its_own_stream_in_any_batch() -> None:
    alone = Uniforms([key(0, "one", "george")]).draw(10)
    both = Uniforms([key(1, "two", "theo"), key(0, "one", "george")])
    assert torch.equal(torch.cat([both.draw(4), both.draw(6)], 1)[1:], alone)
    assert not torch.equal(alone, Uniforms([key(1, "one", "george")]).draw(10))
