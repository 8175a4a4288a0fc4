"""Started by torchrun in a test: train a few steps in float64."""

import sys
from pathlib import Path

from helpers import DIGITS, TINY

from wavegen.config import Config
from wavegen.data.dataset import Dataset
from wavegen.recipe import load_config
from wavegen.training import run
from wavegen.training.corpus import new_voice
from wavegen.voice import Voice


def in_float64(config: Config, dataset: Dataset) -> Voice:
    """A new voice in whose network sums don't depend on their order, nearly."""
    voice = new_voice(config, dataset)
    voice.model.double()
    return voice


def main(folder: Path, cache: Path, accumulate: int) -> None:
    train = {**TINY["train"], "steps": 20, "batch_size": 5, "blank": 0.3, "accumulate": accumulate}
    train["sparsity"] = 0.5
    run.new_voice = in_float64
    data = {**TINY["data"], "test": 0.1}
    config = load_config({**TINY, "data": data, "train": train}, "tiny")
    run.start_run(DIGITS, folder, config, device="cpu", cache=cache)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
