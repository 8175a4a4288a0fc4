"""What a command that resumes a run may say."""

from pathlib import Path

import pytest

from wavegen.config import Config
from wavegen.errors import ConfigError, TrainingError
from wavegen.recipe import read_config, to_toml
from wavegen.training.resuming import continued

SETTINGS = ["model.layers=6", "train.steps=50", "train.learning_rate=0.5"]


@pytest.fixture
def run(tmp_path: Path, tiny_config: Config) -> Path:
    """A run begun with a recipe and settings, whose choices are made."""
    (tmp_path / "tiny.toml").write_text(to_toml(tiny_config.replace("train", precision="auto")))
    config = read_config(tmp_path / "tiny.toml", SETTINGS)
    config = config.replace("data", layout="pattern").replace("conditioning", features="mel")
    config = config.replace("train", precision="bf16")
    (tmp_path / "config.toml").write_text(to_toml(config))
    return tmp_path


def resumed(
    run: Path, recipe: str | None, settings: list[str], minutes: float | None = None
) -> tuple[Config, list[str]]:
    warned: list[str] = []
    file = run / recipe if recipe else None
    return continued(run, file, settings, minutes, warned.append), warned


@pytest.mark.parametrize("recipe", [None, "tiny.toml"])
@pytest.mark.parametrize("settings", [SETTINGS, [*SETTINGS, "data.layout=pattern"]])
def test_the_same_command_goes_on_as_it_began(
    run: Path, recipe: str | None, settings: list[str]
) -> None:
    kept = read_config(run / "config.toml")
    assert resumed(run, recipe, settings) == (kept, [])
    assert resumed(run, None, []) == (kept, [])


def test_settings_of_training_may_change(run: Path) -> None:
    config, warned = resumed(run, None, ["train.steps=70", "train.validate_every=9"])
    assert (config.train.steps, config.train.validate_every, warned) == (70, 9, [])
    assert config.train.learning_rate == 0.5


def test_what_a_recipe_says_of_training_is_not_followed_but_named(run: Path) -> None:
    config, warned = resumed(run, "tiny.toml", ["model.layers=6"])
    assert config == read_config(run / "config.toml")
    named = [w.partition(" stays ")[0] for w in warned]
    assert named == ["train.steps", "train.learning_rate"]
    assert f"stays 50, though {run}/tiny.toml says 8" in warned[0]


def test_steps_that_minutes_chose_stay(run: Path) -> None:
    settings = [s for s in SETTINGS if "steps" not in s]
    config, warned = resumed(run, "tiny.toml", settings, minutes=1)
    assert (config.train.steps, warned) == (50, [])


def test_all_that_differs_is_named(run: Path) -> None:
    with pytest.raises(TrainingError) as e:
        resumed(run, None, ["model.layers=7", "train.seed=1", "conditioning.features=none"])
    assert "with other settings: model.layers is 6 in the run, not 7; " in str(e.value)
    assert "conditioning.features is 'mel' in the run, not 'none'; train.seed is 0" in str(e.value)
    with pytest.raises(TrainingError, match=r"model\.layers is 6 in the run, not 4"):
        resumed(run, "tiny.toml", [])
    with pytest.raises(ConfigError, match=r"unknown key train\.stps"):
        resumed(run, None, ["train.stps=5"])
