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


def test_adaptive_filters_need_a_plain_network_over_16_bit_samples() -> None:
    faults = Config().replace("audio", adaptive=True).faults()
    assert "audio.adaptive needs model.output logistic_mixture" in faults
    assert "audio.adaptive needs train.sample_every 0" in faults
    assert "audio.adaptive needs data.layout flat" in faults
