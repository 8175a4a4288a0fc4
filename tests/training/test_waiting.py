"""A GPU is never waited for in a step of training, nor is a tensor of the CPU among its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from networks import HOP, VARIANTS, network, random_features
from recordings import READINGS, training_set
from unnumbered import ACCELERATOR, Apart, unnumbered

from wavegen.config import ConditioningConfig, Config, TrainConfig
from wavegen.data.resident import Resident
from wavegen.data.windows import Batch
from wavegen.model.acoustic import AcousticModel
from wavegen.model.content import ContentModel
from wavegen.model.latent import LatentModel
from wavegen.model.wavenet import WaveNet
from wavegen.speech import coding, descent, fit, hearing, prior
from wavegen.speech.alignment import Alignment
from wavegen.speech.descent import Descent
from wavegen.training.optimizer_step import Stepper
from wavegen.training.reading import LocalBatch

__all__ = ["unnumbered"]
BANDS, FRAMES = 8, 24
HOW = Descent(2, 0)


@pytest.mark.parametrize("variant", [{}, *VARIANTS], ids=str)
def test_a_step(variant: dict[str, Any], unnumbered: torch.device) -> None:
    model = network(conditioned=True, phase=True, **variant)
    codes = torch.zeros(2, FRAMES * HOP, dtype=torch.int64)
    ids, counted = codes[:, 0], codes == 0
    given = torch.zeros(2, FRAMES * HOP, 50)[..., model.selection] if model.given else None
    local = random_features(2, FRAMES)
    batch = Batch(codes, codes, ids, ids, local, counted, counted, None, None, given)
    batch = batch.each(lambda t: t.to(unnumbered))
    config = TrainConfig(precision="f32", sparsity=0.5, accumulate=2)
    s = Stepper(model, config, ACCELERATOR, pytest.fail)
    with Apart():
        for step in range(1, 3):
            s.update(LocalBatch(batch, codes.numel(), False), step)
    with pytest.raises((RuntimeError, NotImplementedError)):
        s.norms()  # so they are noticed


@pytest.mark.parametrize("changes", READINGS, ids=str)
def test_reading_a_batch(changes: dict[str, Any], unnumbered: torch.device) -> None:
    windows = training_set(**changes)
    resident = Resident(windows, torch.device("cpu"), (False, True))
    resident.device = unnumbered
    resident.kept = {name: t.to(unnumbered) for name, t in resident.kept.items()}
    resident.since, resident.samples = (
        t.to(unnumbered) for t in (resident.since, resident.samples)
    )
    for group in windows.epoch(0):
        with Apart(copies=True):
            batch = resident.batch(group)
        devices = set[torch.device]()
        batch.each(lambda t, devices=devices: devices.add(t.device) or t)  # type: ignore[misc]
        assert devices == {unnumbered}


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of the models of speech copy what they read, and wait for nothing."""
    for module in (coding, fit, hearing, prior):

        def descend(*args: Any) -> None:
            with Apart(copies=True):
                descent.descend(*args)

        monkeypatch.setattr(module, "descend", descend)


def clips() -> list[fit.Recording]:
    """Two recordings of two phonemes."""
    flat = torch.zeros(FRAMES)
    said = Alignment(((1, 2),), (FRAMES // 2,) * 2, 0.0, ((4, 4, 4),) * 2)
    return [fit.Recording(said, 0, flat, flat, torch.zeros(BANDS, FRAMES))] * 2


@pytest.mark.usefixtures("apart")
def test_fitting_the_acoustic_model(unnumbered: torch.device) -> None:
    fit.fit(AcousticModel(3, 0, BANDS, 16, 8).to(unnumbered), clips(), HOW)


@pytest.mark.usefixtures("apart")
def test_fitting_the_content_model(unnumbered: torch.device) -> None:
    frequencies = torch.linspace(0.05, 1, BANDS)
    hearing.fit(ContentModel(3, 0, BANDS, 16).to(unnumbered), clips(), frequencies, HOW)


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("books", [1, 2])
def test_fitting_a_code(
    books: int, unnumbered: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coding, "use", lambda counts: None)  # which waits, after the last step
    heard = [
        hearing.Heard(c.speaker, c.voicing, c.octaves, c.mel, c.octaves.long()) for c in clips()
    ]
    model = LatentModel(1, BANDS, 16, 8, 2, books).to(unnumbered)
    coding.fit(model, heard, torch.linspace(0.05, 1, BANDS), HOW)


@pytest.mark.usefixtures("apart")
def test_fitting_the_network_of_codes(unnumbered: torch.device) -> None:
    c = ConditioningConfig("latent", 100, codes=8, codebooks=2, latent_channels=32, prior_steps=1)
    config = Config(conditioning=c).prior
    assert config is not None
    model = WaveNet(config.replace("model", layers=2), 2).to(unnumbered)
    said = [prior.Drawn(n, torch.zeros(20, 3, dtype=torch.int64)) for n in range(2)]
    prior.fit(model, said, HOW)
