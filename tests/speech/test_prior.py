"""Training of the network that draws codes."""

from __future__ import annotations

import math
import random

import pytest
import torch

from wavegen.config import ConditioningConfig, Config
from wavegen.model.wavenet import WaveNet
from wavegen.speech import prior
from wavegen.speech.descent import Descent
from wavegen.speech.prior import Drawn, bits, fit


def network() -> WaveNet:
    torch.manual_seed(0)
    c = ConditioningConfig("latent", 100, codes=8, codebooks=2, latent_channels=32, prior_steps=1)
    config = Config(conditioning=c).prior
    assert config is not None
    assert config.hop_length == 3
    return WaveNet(config.replace("model", layers=4), 2)


def recording(speaker: int, seed: int, times: int = 20) -> Drawn:
    """F0, and a first code that goes up or, said by the second speaker, down; the second code
    repeats it."""
    first = (seed + torch.arange(times) * (1 - 2 * speaker)) % 8
    return Drawn(speaker, torch.stack([torch.full((times,), 100), first, first], 1))


def test_what_follows_what_is_learned_of_each_speaker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prior, "WINDOW", 60)
    monkeypatch.setattr(prior, "BATCH", 240)
    recordings, model = [recording(n % 2, n // 2) for n in range(16)], network()
    before = bits(model, recordings)
    assert before == pytest.approx(3 * math.log2(256), rel=0.2)
    fit(model, recordings, Descent(250, 0))
    after = bits(model, recordings)
    assert after < 4
    wrong = [r._replace(speaker=1 - r.speaker) for r in recordings]
    assert bits(model, wrong) > after + 0.1


def test_a_row_begins_with_a_recording_and_goes_on_with_its_speaker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prior, "WINDOW", 60)
    monkeypatch.setattr(prior, "BATCH", 480)
    short, long = recording(0, 3, 8), recording(1, 0, 50)._replace(begins=(0, 26))
    rows = prior._Rows([short, recording(0, 5, 8), long], torch.device("cpu"))
    symbols, speakers = rows.batch(random.Random(0))
    assert symbols.shape == (rows.count, 20, 3)
    begun = []
    for row, speaker in zip(symbols, speakers.tolist(), strict=True):
        if speaker == 0:
            assert row[0, 1] in (3, 5)
            assert torch.equal(row[:8, 1], (row[0, 1] + torch.arange(8)) % 8)
        else:
            begun.append(int(row[0, 1]))
            assert ((row[:-1, 1] - row[1:, 1]) % 8 == 1).all()
    # 0 and 26 times before 0, that is 0 and 6: as clips begin, more often than not.
    assert len({*begun}) > 2
    assert sum(b in (0, 6) for b in begun) > len(begun) / 2


def test_symbols_are_mistaken_for_those_of_other_times() -> None:
    symbols = torch.stack([torch.arange(500), 1000 + torch.arange(500)], 1)[None]
    torch.manual_seed(0)
    heard = prior._mistaken(symbols)
    wrong = heard != symbols
    assert 0.5 * prior.WRONG < wrong.float().mean() < 1.5 * prior.WRONG
    assert torch.equal(heard < 1000, symbols < 1000)  # of the same book
