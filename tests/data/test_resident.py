"""A device reads what the CPU reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from recordings import HOP, RATE, STACKS, training_set
from torch import Tensor

from wavegen.audio.filters import LEVEL, of_spectrum
from wavegen.audio.linear_prediction import Predictor, select
from wavegen.audio.local_features import LocalFeatures
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.data.excerpts import amounts
from wavegen.data.resident import Resident
from wavegen.data.windows import Batch

CPU = torch.device("cpu")


def same(found: Tensor | None, expected: Tensor | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return found.dtype == expected.dtype and torch.allclose(found, expected, atol=1e-4)


def assert_equal(found: Batch, expected: Batch) -> None:
    assert same_features(found.local, expected.local)
    lead = expected.lead
    for name, value in vars(expected).items():
        if name == "local":
            continue
        there = getattr(found, name)
        if name == "history" and value is not None:
            assert lead is not None
            there = there[:, : value.shape[1]]
        assert same(there, value), name


def same_features(found: LocalFeatures | None, expected: LocalFeatures | None) -> bool:
    if found is None or expected is None:
        return found is expected
    pairs = zip(found.tracks.values(), expected.tracks.values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


SETS: dict[str, dict[str, dict[str, Any]]] = {
    "linear prediction": {},
    "a mixture": {"model": {"output": "logistic_mixture"}},
    "without the signal": {"conditioning": {"signal": False}},
    "without the period": {"conditioning": {"period": False}},
    "excitation alone": {"conditioning": {"signal": False, "period": False}},
    "predicted spectrograms": {"train": {"predicted": 0.5}},
    "context stacks": {"model": {"context": STACKS}},
    "sound": {"conditioning": {"linear_prediction": False}, "train": {"blank": 0.9}},
    "several scales": {
        "data": {"layout": "flat"},
        "model": {"scales": [{"divide": 4, "noise": 0.3}], "context": STACKS},
    },
    "emphasis": {"conditioning": {"features": "none"}, "audio": {"preemphasis": 0.85}},
    "ends": {"conditioning": {"features": "none"}, "model": {"ends": True, "context": STACKS}},
    "ends of a mixture": {
        "conditioning": {"features": "none"},
        "model": {"ends": True, "output": "logistic_mixture", "context": STACKS},
    },
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("workers", [0, 1])
def test_batches_are_those_of_the_cpu(name: str, workers: int) -> None:
    windows = training_set(**SETS[name])
    both = (False, True) if "predicted" in name else (False,)
    if len(both) == 1:
        windows.config = windows.config.replace("train", predicted=0.0)
    resident = Resident(windows, CPU, both, workers)
    for group in windows.epoch(3):
        frames = max(map(windows.frames, group)) + 2 * windows.step
        assert_equal(resident.batch(group, frames), windows.batch(group, frames))


def test_noise_is_in_the_past_and_what_is_given_of_it() -> None:
    windows = training_set(train={"noise": 0.5, "predicted": 0.0})
    resident = Resident(windows, CPU)
    levels = []
    for group in windows.epoch(0):
        batch = resident.batch(group)
        quiet = windows.batch([replace(w, seed=w.seed) for w in group])
        assert torch.equal(batch.codes, quiet.codes)
        assert torch.equal(batch.counted, quiet.counted)
        decoded = [windows.output.decode(c) for c in (batch.past, batch.codes)]
        noise = (decoded[0] - decoded[1])[batch.speech]
        levels.append(float(noise.square().mean().sqrt()) / LEVEL)
    assert 0.02 < np.mean(levels) < 2


def test_what_is_given_of_noise_is_that_of_the_sound_it_makes() -> None:
    windows = training_set(train={"noise": 0.5, "predicted": 0.0}, data={"join": 1})
    resident = Resident(windows, CPU)
    [group] = [[w] for g in windows.epoch(0) for w in g if w.utterance[0][0] == 5 and not w.begin]
    batch = resident.batch(group)
    assert batch.given is not None
    clip = windows.clips[5]
    local = clip.local(False)
    assert local is not None
    filters = Predictor.of(of_spectrum(local.mel.numpy(), local.f0.numpy(), RATE, HOP))
    count = min(clip.samples, batch.codes.shape[1])
    level, gain = amounts(0.5, torch.Generator().manual_seed(group[0].seed))
    sign = 1 - 2 * (group[0].seed & 1)
    noise = resident.kept["noise"][resident.starts[5] :].flatten()[:count].float()
    past = gain * filters.excitation(clip.audio(0, count)) + sign * level * noise
    sound = torch.from_numpy(Synthesis(filters).unclipped(past.numpy())).float()
    assert torch.equal(batch.past[0, :count], windows.output.encode(past))
    expected = select(windows.config, filters.inputs(sound)[1])
    assert (batch.given[0, :count] - expected).abs().max() < 1e-3


def test_a_window_has_the_same_noise_in_any_company() -> None:
    windows = training_set(train={"noise": 0.5, "predicted": 0.0})
    resident = Resident(windows, CPU)
    group = max(windows.epoch(0), key=len)
    together = resident.batch(group)
    for row, w in enumerate(group):
        alone = resident.batch([w])
        time = alone.codes.shape[1]
        assert torch.equal(alone.past[0], together.past[row, :time])


@pytest.mark.parametrize("name", ["linear prediction", "emphasis"])
def test_the_size_is_what_it_takes(name: str) -> None:
    windows = training_set(**SETS[name])
    resident = Resident(windows, CPU)
    kept = [*resident.kept.values(), resident.since, resident.samples]
    taken = sum(t.nbytes for t in kept)
    assert taken == pytest.approx(Resident.size(windows, 1), rel=0.05)
