"""From a data set to the configuration and the clips of a training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers import DIGITS, TINY

from wavegen.data.dataset import open_dataset
from wavegen.errors import TrainingError
from wavegen.recipe import load_config
from wavegen.training.corpus import resolve


def test_ends_and_texts_do_not_go_together(tmp_path: Path) -> None:
    config = load_config(TINY | {"model": TINY["model"] | {"ends": True}}, "ends")
    dataset = open_dataset(DIGITS, config, tmp_path)
    with pytest.raises(TrainingError, match=r"model\.ends is for voices without texts"):
        resolve(config, dataset, torch.device("cpu"))
