"""Values that no training could use."""

import pytest

from wavegen.config import Config
from wavegen.errors import ConfigError
from wavegen.recipe import load_config


def test_impossible_values_are_reported_together() -> None:
    with pytest.raises(ConfigError, match="3 faults") as caught:
        load_config(
            {"model": {"kernel_size": 4}, "train": {"steps": 0}, "data": {"pattern": "(a"}}, "x"
        )
    assert "kernel_size must be 2 or 3" in str(caught.value)


def test_a_frame_rate_that_does_not_divide_the_rate_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not divide"):
        load_config({}, "x", ["audio.sample_rate=11025"])


def test_the_default_configuration_has_no_faults() -> None:
    assert Config().faults() == []


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        (
            {"kind": "gru", "kernel_size": 3},
            "kernel_size goes with model.kind wavenet, not",
        ),
        ({"kind": "gru", "context": [{"pool": 16}]}, "context goes with model.kind wavenet, not"),
        ({"kind": "gru", "heads": 2}, "heads goes with model.kind transformer, not with gru"),
        ({"attention": 99}, "attention goes with model.kind transformer, not with wavenet"),
        (
            {"kind": "transformer", "dilation_cycle": 2},
            "dilation_cycle goes with model.kind",
        ),
        ({"kind": "transformer", "residual_channels": 36}, "a multiple of twice the 4 model.heads"),
        ({"kind": "transformer", "attention": 0}, "attention must be at least 1"),
        ({"kind": "lstm"}, "kind must be one of wavenet, gru, transformer, not 'lstm'"),
    ],
)
def test_settings_of_another_kind_of_network_are_refused(
    model: dict[str, object], fault: str
) -> None:
    with pytest.raises(ConfigError, match="1 fault:") as caught:
        load_config({"model": model}, "x")
    assert fault in str(caught.value)


def test_only_a_wavenet_has_fused_kernels_empty_blocks_and_adaptive_filters() -> None:
    config = Config().replace("model", kind="gru")
    assert config.faults() == []
    [fault] = config.replace("train", fused=True).faults()
    assert fault == "train.fused goes with model.kind wavenet, not with gru"
    [fault] = config.replace("train", sparsity=0.5).faults()
    assert fault == "train.sparsity goes with model.kind wavenet, not with gru"
    adaptive = config.replace("audio", adaptive=True)
    assert "audio.adaptive needs model.kind wavenet" in adaptive.faults()


def test_adaptive_filters_need_a_plain_network_over_16_bit_samples() -> None:
    faults = Config().replace("audio", adaptive=True).faults()
    assert "audio.adaptive needs model.output logistic_mixture" in faults
    assert "audio.adaptive needs train.sample_every 0" in faults
    assert "audio.adaptive needs data.layout flat" in faults
