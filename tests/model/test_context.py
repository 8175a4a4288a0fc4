"""Context stacks: what they see, and that every way to compute them agrees."""

from __future__ import annotations

import json
import math
import tomllib
from typing import Any

import pytest
import torch
from networks import HOP, STACKS, network, random_features
from torch import Tensor

from wavegen.config import Config, ContextConfig
from wavegen.data.windows import TrainingClip, Windows
from wavegen.errors import ConfigError
from wavegen.model.context import ContextStack
from wavegen.model.wavenet import WaveNet
from wavegen.recipe import load_config, to_dict, to_toml


def moves(stack: ContextStack, codes: Tensor, sample: int) -> list[int]:
    """The frames that know of another value of a sample."""
    changed = codes.clone()
    changed[:, sample] = (changed[:, sample] + 97) % 256
    same = torch.isclose(stack(codes), stack(changed), rtol=0, atol=1e-12)
    return (~same.all(-1))[0].nonzero()[:, 0].tolist()


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("pooling", ["mean", "conv"])
def test_a_stack_sees_exactly_its_whole_frames_of_the_past(kernel: int, pooling: Any) -> None:
    config = ContextConfig(pool=5, layers=2, kernel_size=kernel, channels=9, pooling=pooling)
    field = config.receptive_field // 5
    assert field == (kernel - 1) * 3 + 1
    frames = field + 4
    codes = torch.randint(0, 256, (1, frames * 5 + 3))
    stack = ContextStack(config, 6).double()
    for sample in range(codes.shape[1]):
        known = moves(stack, codes, sample)
        first = sample // 5 + 1  # the frame after the one that holds the sample
        assert known == list(range(first, min(first + field, frames + 1)))


@pytest.mark.parametrize("layers", [1, 3])
def test_logits_with_context_never_see_the_sample_they_predict(layers: int) -> None:
    model = network(True, layers=layers, context=STACKS).double()
    codes = torch.randint(0, 256, (1, 96))
    args = torch.tensor([1]), random_features(1, 6, dtype=torch.float64)
    base = model(codes, *args)
    for t in (0, 1, 7, 8, 11, 12, 24, 95):
        changed = codes.clone()
        changed[:, t:] = (changed[:, t:] + 100) % 256
        assert torch.allclose(model(changed, *args)[:, : t + 1], base[:, : t + 1], atol=1e-12)
        assert t == 95 or not torch.allclose(model(changed, *args), base)


def recorded(model: WaveNet, count: int) -> Tensor:
    return torch.randint(0, model.output.levels, (count,))


@pytest.mark.parametrize("output", ["categorical", "logistic_mixture"])
def test_likelihood_in_pieces_equals_one_forward(output: str) -> None:
    model = network(output=output, context=STACKS).double()
    codes = recorded(model, 2000).view(2, 1000)
    rows = model.conditioning.encode(2)
    whole = model.output.loss(model(codes), codes)
    pieces = model.nll(codes, rows, HOP, chunk_frames=6)
    assert torch.allclose(whole, pieces, atol=1e-9)
    without = model.nll(codes, rows, HOP, context=False)
    assert not torch.allclose(whole, without, atol=1e-3)


@pytest.mark.parametrize("output", ["categorical", "logistic_mixture"])
def test_windows_see_as_much_as_the_whole_recording(output: str) -> None:
    """A cropped main stack with a pooled long past gives the logits of one forward over all."""
    config = load_config(
        {
            "data": {"join": 2},
            "audio": {"sample_rate": 1600},
            "model": {
                "layers": 4,
                "dilation_cycle": 2,
                "residual_channels": 8,
                "skip_channels": 8,
                "output": output,
                "context": [*STACKS, {"pool": 48, "layers": 4, "channels": 8}],
            },
            "conditioning": {"features": "none"},
            "train": {"window_seconds": 0.5, "batch_size": 3},
        },
        "context",
    )
    assert config.hop_length == 16
    assert config.stride == 48
    audio = [torch.rand(n) * 2 - 1 for n in (5000, 331, 4000, 4801)]
    clips = [TrainingClip(len(a), 0, lambda b, e, a=a: a[b:e]) for a in audio]  # type: ignore[misc]
    windows = Windows(clips, config, None)
    model = WaveNet(config).double()
    checked = 0
    for group in windows.epoch(0):
        batch = windows.batch(group)
        assert batch.codes.shape[1] % config.stride == 0
        logits = model(batch.codes, None, None, batch.before, batch.history, batch.lead)
        for row, w in enumerate(group):
            last, start = w.utterance[-1]
            whole = torch.zeros(start * 16 + len(audio[last]))
            for i, frame in w.utterance:
                whole[frame * 16 : frame * 16 + len(audio[i])] = audio[i]
            want = model(model.output.encode(whole)[None])[0]
            at = batch.counted[row].nonzero()[:, 0]
            there = torch.arange(w.begin * 16, w.end * 16)
            inside = there < len(want)
            assert torch.allclose(logits[row, at[inside]], want[there[inside]], atol=1e-9)
            checked += w.begin > windows.span
    assert checked > 3


def test_gradients_reach_every_weight_of_a_stack() -> None:
    model = network(context=STACKS)
    codes = torch.randint(0, 256, (2, 480))
    model.output.loss(model(codes), codes).mean().backward()  # type: ignore[no-untyped-call]
    for name, p in model.contexts.named_parameters():
        assert p.grad is not None, name
        # The last block's residual goes nowhere.
        assert bool(p.grad.abs().sum() > 0) != name.endswith(
            ("0.blocks.2.w_res", "1.blocks.1.w_res")
        )


def test_the_configuration_of_stacks_is_read_back_and_its_faults_are_named() -> None:
    config = load_config({"model": {"context": STACKS}}, "x")
    assert config.model.context[1] == ContextConfig(12, 2, 3, 40, "conv")
    again = load_config(tomllib.loads(to_toml(config)), "again")
    stored = load_config(json.loads(json.dumps(to_dict(config))), "stored")
    assert again == stored == config
    assert load_config({}, "x", ["model.context=[{pool = 20, layers = 2}]"]).model.context[0] == (
        ContextConfig(20, 2)
    )
    with pytest.raises(ConfigError) as e:
        load_config({"model": {"context": [{"pol": 64, "layers": "many"}], "ends": 1}}, "x")
    for part in (
        "model.context.pol (did you mean pool?)",
        "context.layers must be int",
        "ends must",
    ):
        assert part in str(e.value)
    for wrong, message in (
        ({"context": 3}, "array of tables"),
        ({"context": [{"pool": 1}]}, "pool must be at least 2"),
        ({"context": [{"pool": 997}]}, "share its factors"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_config({"model": wrong}, "x")
    assert math.lcm(160, 64) == Config().replace("model", context=(ContextConfig(),)).stride


def test_the_names_of_a_stacks_weights_are_pinned() -> None:
    names = {n for n in network(context=STACKS).state_dict() if n.startswith("contexts.1")}
    assert {n for n in names if ".blocks.1." not in n} == {
        "contexts.1.bias",
        "contexts.1.skip_bias",
        "contexts.1.embedding.weight",
        "contexts.1.convolution.weight",
        "contexts.1.blocks.0.taps",
        "contexts.1.blocks.0.w_res",
        "contexts.1.blocks.0.w_skip",
        "contexts.1.gates.weight",
    }
