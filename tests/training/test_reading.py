"""Which batches a run reads, and from where."""

from __future__ import annotations

import itertools

import pytest
import torch
from accelerate import Accelerator
from recordings import training_set

from wavegen.config import Config
from wavegen.data.resident import Resident
from wavegen.model.wavenet import WaveNet
from wavegen.training.optimizer_step import Stepper
from wavegen.training.reading import Reader, variants


def test_batches_go_on_where_they_were_left() -> None:
    windows = training_set()
    reader = Reader(windows, Accelerator(cpu=True))
    count = len(windows.epoch(0))
    whole = list(itertools.islice(reader.batches(0, 0), count + 4))
    assert [(epoch, index) for epoch, index, _ in whole[-6:-3]] == [(0, count - 1), (1, 0), (1, 1)]
    for left in (3, count - 1, count + 2):
        epoch, index, _ = whole[left - 1]
        _, _, batch = next(reader.batches(epoch, index))
        assert torch.equal(batch.batch.codes, whole[left][2].batch.codes)
        assert batch.counted == whole[left][2].counted


def test_training_is_the_same_from_the_memory_of_a_device() -> None:
    windows = training_set(train={"predicted": 0.5})
    model, bits = WaveNet(windows.config, 2).state_dict(), []
    for resident in (False, True):
        network = WaveNet(windows.config, 2)
        network.load_state_dict(model)
        s = Stepper(network, windows.config.train, Accelerator(cpu=True), pytest.fail)
        reader = Reader(windows, s.accelerator)
        if resident:
            there = Resident(windows, s.device, (False, True))
            reader.batch, reader.resident = there.batch, True
        batches = reader.batches(0, 0)
        for step in range(1, 9):
            s.update(next(batches)[2], step)
        bits.append(float(s.sums[0] / s.sums[1]))
    assert bits[0] == pytest.approx(bits[1], abs=1e-5)


@pytest.mark.parametrize(
    ("fraction", "speaks", "kinds"),
    [(0, True, (False,)), (0.3, True, (False, True)), (1, True, (True,)), (0.3, False, (False,))],
)
def test_only_the_spectrograms_that_are_read_are_kept(
    tiny_config: Config, fraction: float, speaks: bool, kinds: tuple[bool, ...]
) -> None:
    config = tiny_config.replace("train", predicted=fraction)
    assert variants(config.replace("conditioning", features="mel"), speaks) == kinds
    assert variants(config.replace("conditioning", features="none"), speaks) == (False,)
