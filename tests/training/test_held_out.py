"""Bits per sample of clips that are not trained on."""

from __future__ import annotations

import math
from typing import Any

import pytest
from recordings import STACKS, training_set

from wavegen.assembly import untrained
from wavegen.audio.local_features import LocalFeatures
from wavegen.data.windows import TrainingClip
from wavegen.training import held_out
from wavegen.training.held_out import HeldOut
from wavegen.voice import Voice


def voice_and_clips(**changes: dict[str, Any]) -> tuple[Voice, list[TrainingClip]]:
    windows = training_set(**changes)
    voice = untrained(windows.config, ("a", "b"), ())
    voice.model.eval()
    return voice, list(windows.clips)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": {"context": STACKS, "output": "logistic_mixture"}},
        {"conditioning": {"features": "none"}},
    ],
    ids=str,
)
def test_clips_in_groups_measure_what_each_does_alone(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    voice, clips = voice_and_clips(**changes)
    nats = [voice.nll(c.audio(0, c.samples), c.speaker, c.local(False)) for c in clips]
    expected = sum(float(n.double().sum()) for n in nats) / math.log(2)
    samples = sum(c.samples for c in clips)
    for together, kept in ((0, held_out.KEPT), (9000, held_out.KEPT), (9000, 100_000)):
        monkeypatch.setattr(held_out, "KEPT", kept)
        measured = HeldOut(clips, together)
        for _ in range(2):
            bits, count = measured.bits(voice)
            assert bits == pytest.approx(expected, rel=1e-6)
            assert count == samples
        parts = [measured.bits(voice, slice(rank, None, 3)) for rank in range(3)]
        assert sum(bits for bits, _ in parts) == pytest.approx(expected, rel=1e-6)
        assert sum(count for _, count in parts) == samples


def test_features_are_computed_once_as_far_as_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    voice, clips = voice_and_clips()
    asked: list[bool] = []

    def counting(clip: TrainingClip) -> TrainingClip:
        def local(predicted: bool) -> LocalFeatures | None:
            asked.append(predicted)
            return clip.local(predicted)

        return TrainingClip(clip.samples, clip.speaker, clip.audio, local)

    counted = [counting(c) for c in clips]
    for kept, times in ((held_out.KEPT, len(clips)), (0, 2 * len(clips))):
        monkeypatch.setattr(held_out, "KEPT", kept)
        measured, asked[:] = HeldOut(counted), []
        assert measured.bits(voice) == measured.bits(voice)
        assert len(asked) == times
        assert not any(asked)
