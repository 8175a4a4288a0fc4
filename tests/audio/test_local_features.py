"""Local features by name: batches, slices, and the channels that an encoder is given."""

import numpy as np
import pytest
import torch
from networks import random_features

from wavegen.audio.analysis import analyse
from wavegen.audio.features import mel, octaves, phase
from wavegen.audio.local_features import LocalFeatures, silence

RATE, HOP = 16000, 160


def equal(a: LocalFeatures, b: LocalFeatures) -> bool:
    return a.tracks.keys() == b.tracks.keys() and all(
        np.allclose(t, b.tracks[name], atol=1e-6) for name, t in a.tracks.items()
    )


def test_a_recording_has_every_feature_of_every_frame() -> None:
    audio = 0.3 * torch.sin(2 * torch.pi * 150 * torch.arange(4001) / RATE)
    local = analyse(audio, RATE, HOP, 40)
    assert local.frames == 26
    assert {name: t.shape for name, t in local.tracks.items()} == {
        "mel": (40, 26),
        **dict.fromkeys(("loudness", "voicing", "octaves", "phase", "phase_step"), (26,)),
    }
    f0 = torch.full((26,), 150.0)
    known = analyse(audio, RATE, HOP, 40, f0)
    assert torch.equal(known.mel, mel(audio, RATE, HOP, 40))
    assert torch.equal(torch.stack([known.voicing, known.octaves]), torch.stack(octaves(f0)))
    assert torch.equal(
        torch.stack([known.phase, known.phase_step]), torch.stack(phase(f0, RATE, HOP, audio))
    )
    assert torch.allclose(known.f0, f0)


def test_silence_is_what_a_silent_recording_has() -> None:
    assert equal(silence(10, 40), analyse(torch.zeros(1600), RATE, HOP, 40, torch.zeros(10)))


def test_pieces_joined_are_the_whole_and_batches_hold_each_utterance() -> None:
    batch = random_features(2, 9)
    assert equal(LocalFeatures.cat([batch.cut(0, 4), batch.cut(4, 4), batch.cut(4, 9)]), batch)
    each = [batch.each(lambda t, i=i: t[i]) for i in range(2)]  # type: ignore[misc]
    assert equal(LocalFeatures.stack(each), batch)
    held = each[0].cut(3, 4).repeat(5)
    assert held.frames == 5
    assert all(bool((t == t[..., :1]).all()) for t in held.tracks.values())
    assert {t.dtype for t in batch.to(torch.float64).tracks.values()} == {torch.float64}


def test_channels_stand_in_the_order_asked_for() -> None:
    batch = random_features(2, 9, mels=3)
    chosen = batch.select(("loudness", "mel", "voicing"))
    assert chosen.shape == (2, 5, 9)
    assert torch.equal(chosen[:, 0], batch.loudness)
    assert torch.equal(chosen[:, 1:4], batch.mel)
    assert torch.equal(chosen[:, 4], batch.voicing)
    one = batch.each(lambda t: t[1])
    assert torch.equal(one.select(("loudness", "mel", "voicing")), chosen[1])
    with pytest.raises(ValueError, match="have no phones"):
        batch.select(("phones",))
