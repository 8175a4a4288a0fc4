"""Recipes and overrides."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from wavegen.errors import ConfigError
from wavegen.recipe import find_recipe, load_config, read_config, recipe_names, to_toml


@pytest.mark.parametrize("name", sorted(recipe_names()))
def test_every_recipe_loads(name: str) -> None:
    assert read_config(find_recipe(name)).train.steps > 0


def test_there_are_recipes() -> None:
    assert "digits" in recipe_names()


def test_a_written_configuration_reads_back_the_same(tmp_path: Path) -> None:
    config = read_config(find_recipe("digits"))
    path = tmp_path / "config.toml"
    path.write_text(to_toml(config), encoding="utf-8")
    assert read_config(path) == config


def test_all_faults_are_reported_at_once() -> None:
    table = {
        "model": {"layrs": 3, "kernel_size": "two", "residual_channels": True},
        "data": {"layout": "tree"},
        "modle": {},
        "audio": {"sample_rate": 500},
    }
    with pytest.raises(ConfigError) as caught:
        load_config(table, "x.toml", ["train.stps=3", "nonsense"])
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        "x.toml: 8 faults",
        "model.layrs (did you mean layers?)",
        "model.kernel_size must be int",
        "model.residual_channels must be int",
        "data.layout must be one of",
        "audio.sample_rate must be between",
        "[modle] (did you mean model?)",
        "train.stps (did you mean steps?)",
        "--set nonsense",
    ):
        assert part in message


@pytest.mark.parametrize("value", ["auto", True, False])
def test_a_setting_may_be_a_word_or_a_truth_value(value: Any) -> None:
    config = load_config({"train": {"fused": value}}, "x")
    assert config.train.fused == value
    assert load_config(tomllib.loads(to_toml(config)), "x") == config
    with pytest.raises(ConfigError, match="must be one of auto, true, false, not 1"):
        load_config({"train": {"fused": 1}}, "x")


def test_overrides_are_toml_values_and_bare_words() -> None:
    config = load_config({}, "x", ["train.learning_rate=1e-3", "data.layout=flat", "data.join=2"])
    assert (config.train.learning_rate, config.data.layout, config.data.join) == (1e-3, "flat", 2)
