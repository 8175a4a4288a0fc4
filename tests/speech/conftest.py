"""An aligner fitted to made-up speech."""

import pytest
import torch
from helpers import COMMA, STOP, made_up

from wavegen.model import acoustic
from wavegen.speech import fit
from wavegen.speech.aligner import Aligner


@pytest.fixture(scope="module")
def fitted() -> tuple[Aligner, list[torch.Tensor], list[list[list[int]]]]:
    """An aligner that has learned "AB, CD." from clips with silence at the marks, and theirs."""
    random = torch.Generator().manual_seed(2)
    features, texts = [], []
    for n in range(60):
        ids = torch.randperm(4, generator=random).add(3).tolist()
        lengths = torch.randint(10, 30, (4,), generator=random).tolist()
        quiet = 20 * (n % 2)
        order = [0, *ids[:2], COMMA, *ids[2:], STOP]
        features.append(made_up(order, [12, *lengths[:2], quiet, *lengths[2:], 15], random))
        texts.append([ids[:2], [COMMA], ids[2:], [STOP]])
    aligner = Aligner(7, 0, silent=3)
    aligner.fit(features, texts, [0] * 60)
    return aligner, features, texts


@pytest.fixture
def small_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acoustic models are made with small flows, and fitted in small batches."""
    monkeypatch.setattr(fit, "BATCH_FRAMES", 500)
    for name, size in (("PITCH_WIDTH", 24), ("PITCH_BLOCKS", 3), ("MEL_BLOCKS", 3)):
        monkeypatch.setattr(acoustic, name, size)
