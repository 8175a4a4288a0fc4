"""Started by torchrun in the tests: train a few steps in float64 and save the weights."""

import sys
from pathlib import Path

import torch
from accelerate import Accelerator

sys.path.insert(0, str(Path(__file__).parent.parent))

from helpers import DIGITS, TINY

from wavegen.data.dataset import open_dataset
from wavegen.recipe import load_config
from wavegen.training.corpus import fit_speech, new_voice, resolve
from wavegen.training.trainer import Trainer


def main(run: Path, cache: Path, accumulate: int) -> None:
    accelerator = Accelerator(cpu=True)
    train = {**TINY["train"], "steps": 20, "batch_size": 5, "blank": 0.3, "accumulate": accumulate}
    config = load_config({**TINY, "train": train}, "tiny")
    with accelerator.main_process_first():
        dataset = open_dataset(DIGITS, config, cache)
        run.mkdir(exist_ok=True)
    voice = new_voice(resolve(config, dataset, accelerator.device), dataset)
    voice.model.double()
    fit_speech(voice, dataset)
    trainer = Trainer(voice, dataset, run, accelerator)
    best = trainer.train()
    test = trainer._measure(trainer.averaged, trainer.test)
    if accelerator.is_main_process:
        torch.save({"weights": voice.model.state_dict(), "bits": [best, test]}, run / "end.pt")
    trainer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
