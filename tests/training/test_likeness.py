"""Embeddings found from recordings."""

import copy

import pytest
import torch

from wavegen.assembly import untrained
from wavegen.config import Config
from wavegen.data.windows import TrainingClip
from wavegen.training import likeness
from wavegen.voice import Voice


@pytest.fixture(scope="module")
def voice(tiny_config: Config) -> Voice:
    """One whose three speakers are told apart by level."""
    config = tiny_config.replace("conditioning", features="none")
    voice = untrained(config, ("low", "middle", "high"), ())
    return voice


def clip(level: float) -> TrainingClip:
    audio = level * torch.randn(8000, generator=torch.Generator().manual_seed(0))
    return TrainingClip(len(audio), 2, lambda a, b: audio[a:b])


def test_only_the_row_of_the_speaker_changes_and_the_recordings_get_likelier(voice: Voice) -> None:
    new = copy.deepcopy(voice)
    told: list[tuple[int, int]] = []
    batch = next(likeness.batches(new, [clip(0.1)]))
    likeness.fit_wavenet(new, [clip(0.1)], [2], 10, lambda *x: told.append(x))
    assert told == [(n, 10) for n in range(1, 11)]
    before, after = voice.tensors(), new.tensors()
    moved = {n for n, t in after.items() if not torch.equal(t, before[n])}
    assert moved == {"wavenet.conditioning.speaker.weight"}
    rows = [v["wavenet.conditioning.speaker.weight"] for v in (before, after)]
    assert torch.equal(rows[0][:2], rows[1][:2])
    with torch.no_grad():
        bits = [float(likeness.loss(v.model, batch, batch.speaker)) for v in (voice, new)]
    assert bits[1] < bits[0]
    assert all(p.requires_grad for p in new.model.parameters())


def test_the_nearest_mix_is_the_speaker_who_sounds_like_it(voice: Voice) -> None:
    new = copy.deepcopy(voice)
    likeness.fit_wavenet(new, [clip(0.1)], [2], 30)
    weights = likeness.nearest_mix(new, [clip(0.1)], 15)
    assert float(weights.sum()) == pytest.approx(1)
    assert int(weights.argmax()) == 2
    assert weights[2] > 0.6
