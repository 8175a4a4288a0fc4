"""How a GPU computes what is fitted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import trainer

from wavegen.config import Config, TrainConfig
from wavegen.training import run
from wavegen.training.arithmetic import speech_in_bf16


@pytest.fixture
def afterwards_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    filled = torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = filled


@pytest.mark.usefixtures("afterwards_as_before")
def test_the_models_of_speech_are_fitted_deterministically_too(
    tmp_path: Path, tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def fit_speech(*args: Any) -> list[tuple[str, str]]:
        seen.append(torch.are_deterministic_algorithms_enabled())
        return []

    monkeypatch.setattr(run, "fit_speech", fit_speech)
    trainer(tmp_path / "run", tiny_config.replace("train", deterministic=True))
    assert seen == [True]


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_they_are_fitted_in_bf16_on_a_cpu_alone(precision: str) -> None:
    t = TrainConfig(precision=precision)  # type: ignore[arg-type]
    assert speech_in_bf16(t, "cpu") == (precision == "bf16")
    assert not speech_in_bf16(t, "cuda")
