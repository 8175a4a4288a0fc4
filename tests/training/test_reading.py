"""Which batches a run reads, and from where."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from helpers import trainer

from wavegen.config import Config
from wavegen.data.resident import Resident
from wavegen.training.reading import variants


def test_batches_go_on_where_they_were_left(tmp_path: Path, tiny_config: Config) -> None:
    t = trainer(tmp_path / "run", tiny_config)
    count = len(t.windows.epoch(0))
    whole = list(itertools.islice(t.reader.batches(0, 0), count + 4))
    assert [(epoch, index) for epoch, index, _ in whole[-6:-3]] == [(0, count - 1), (1, 0), (1, 1)]
    for left in (3, count - 1, count + 2):
        epoch, index, _ = whole[left - 1]
        _, _, batch = next(t.reader.batches(epoch, index))
        assert torch.equal(batch.batch.codes, whole[left][2].batch.codes)
        assert batch.counted == whole[left][2].counted


def test_a_run_can_read_from_the_memory_of_its_device(tmp_path: Path, tiny_config: Config) -> None:
    config = tiny_config.replace("train", precision="f32", predicted=0.5)
    losses = []
    for resident in (False, True):
        t = trainer(tmp_path / str(resident), config)
        if resident:
            there = Resident(t.windows, torch.device("cpu"), (False, True))
            t.reader.batch, t.reader.resident = there.batch, True
        t.train()
        losses.append(t.best)
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


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
