"""Warnings in words: they come when something is wrong, once, and not when all is well."""

import numpy as np
import pytest
from helpers import DIGITS

from wavegen.audio.reading import read_audio
from wavegen.config import Kind, ModelConfig
from wavegen.report import watch
from wavegen.report.watch import Audio, Watch

SPEECH = [read_audio(f, 8000).audio for f in sorted(DIGITS.glob("*.wav"))]
NOISE = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)
SILENCE = np.zeros(4000, np.float32)


@pytest.mark.parametrize(
    ("kind", "layers", "too_many"),
    [("gru", 1, False), ("gru", 30, True), ("transformer", 30, True), ("wavenet", 40, False)],
)
def test_only_a_wavenet_may_have_many_layers(kind: Kind, layers: int, too_many: bool) -> None:
    said = watch.deep(ModelConfig(kind=kind, layers=layers))
    assert bool(said) == too_many
    if said:
        assert f"a {kind} of {layers} layers" in said
        assert "--set model.layers=" in said


def test_speakers_with_under_a_minute_are_named() -> None:
    assert watch.little_data({"ann": 61.0, "bob": 600.0}) is None
    said = watch.little_data({"ann": 12.4, "bob": 600.0})
    assert said is not None
    assert "a speaker has under a minute" in said
    assert "ann 12 s" in said
    assert "bob" not in said
    many = watch.little_data({f"s{n}": 5.0 for n in range(109)})
    assert many is not None
    assert "109 speakers" in many
    assert "and 103 more" in many
    alone = watch.little_data({"": 20.0})
    assert alone is not None
    assert "only 20 s" in alone


def test_cut_off_peaks_are_clipped_and_real_recordings_and_loud_tones_are_not() -> None:
    t = np.arange(8000) / 8000
    assert not any(watch.is_clipped(a) for a in SPEECH)
    assert not watch.is_clipped((0.99 * np.sin(2 * np.pi * 60 * t)).astype(np.float32))
    assert not watch.is_clipped(np.zeros(0, np.float32))
    assert all(watch.is_clipped(np.clip(4 * a / np.abs(a).max(), -1, 1)) for a in SPEECH)
    said = watch.clipped_data(["a.wav", "b.wav"], 7)
    assert said is not None
    assert "2 of 7 recordings" in said
    assert "a.wav" in said
    assert watch.clipped_data([], 7) is None


def test_noise_is_flat_and_speech_is_not() -> None:
    assert watch.flatness(NOISE) > 0.9
    assert max(map(watch.flatness, SPEECH)) < 0.3
    assert watch.flatness(NOISE[:10]) == 0


@pytest.mark.parametrize(
    ("samples", "silent", "noisy"),
    [
        (SPEECH[:4], False, False),
        ([SILENCE, SILENCE, *SPEECH[:2]], True, False),
        ([SILENCE, *SPEECH[:3]], False, False),
        ([NOISE, NOISE, *SPEECH[:2]], False, True),
        ([NOISE, NOISE, SILENCE, SILENCE], True, True),
        ([], False, False),
    ],
)
def test_samples_that_are_silent_or_noise(samples: list[Audio], silent: bool, noisy: bool) -> None:
    assert (watch.silent_samples(3000, samples) is not None) == silent
    assert (watch.noisy_samples(3000, samples) is not None) == noisy
    assert watch.silent_samples(500, samples) is watch.noisy_samples(500, samples) is None


def test_validation_that_rises_while_training_falls_is_over_fitting() -> None:
    falling = [(1, 5.0, 5.1), (2, 4.5, 4.8), (3, 4.2, 4.7)]
    rising = [*falling, (4, 4.0, 4.75), (5, 3.8, 4.8), (6, 3.6, 4.9)]
    assert watch.overfitting([]) is None
    assert watch.overfitting(falling) is None
    assert watch.overfitting(rising[:-1]) is None
    said = watch.overfitting(rising)
    assert said is not None
    assert "4.900 bits, 4.700 at step 3" in said
    assert "from 4.200 to 3.600" in said
    worse = [(s, t + (3 if s > 3 else 0), v) for s, t, v in rising]
    assert watch.overfitting(worse) is None, "training got worse too: that is no over-fitting"


def test_a_gradient_far_above_its_recent_median_explodes() -> None:
    usual = [0.4, 0.5, 0.6] * 5
    assert watch.exploding(100, usual, 1.5, 1.0) is None
    assert watch.exploding(100, [0.01] * 15, 0.5, 1.0) is None, "it was not clipped"
    assert watch.exploding(100, usual[:5], 90.0, 1.0) is None, "too early to know"
    said = watch.exploding(100, usual, 90.0, 1.0)
    assert said is not None
    assert "rose to 90 before step 100" in said
    assert "clipped to train.clip_norm = 1 " in said


def test_each_kind_of_warning_is_said_once() -> None:
    said: list[str] = []
    w = Watch(said.append, clip_norm=1.0)
    for step in range(1, 60):
        peak = 500.0 if step in (30, 50) else 0.5
        w.row(
            {
                "step": step,
                "loss_bits": 5 - step / 20,
                "gradient_norm": 0.5,
                "gradient_norm_max": peak,
            }
        )
        w.row({"step": step, "val_bits": 4 + step / 20})
        w.samples(1000 * step, [SILENCE, NOISE])
        w.data({"ann": 2.0}, ["a.wav"], 3)
    kinds = (
        "exploding",
        "over-fitting",
        "silent",
        "recordings for noise",
        "under a minute",
        "clipped (",
    )
    assert [sum(k in line for line in said) for k in kinds] == [1] * 6
    assert len(said) == 6
    assert not any("\n" in line for line in said)
