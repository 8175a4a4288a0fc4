"""Faults that a recording itself shows."""

from __future__ import annotations

import numpy as np
import pytest

from wavegen.score.sound import TONES, background, measure, repeats, sharpness, tones

RATE, HOP = 16000, 160
EDGES = np.arange(0, 2 * RATE, HOP)


def voice(seed: int = 0) -> np.ndarray:
    """Two seconds of harmonics, which rise from 110 Hz to 190 Hz, in noise, with pauses."""
    time = np.arange(2 * RATE) / RATE
    turns = 2 * np.pi * (110 + 20 * time) * time
    pulses = sum(np.sin(k * turns) / k for k in range(1, 20))
    said = np.sin(2 * np.pi * 1.5 * time) > -0.5
    noise = np.random.default_rng(seed).normal(0, 0.002, len(time))
    return (0.1 * pulses * said + noise).astype(np.float32)


def test_a_click_is_sharp_where_it_is() -> None:
    clean, clicked = voice(), voice()
    clicked[7000:7002] += np.array([0.15, -0.15], np.float32)
    before, after = (sharpness(a, RATE, EDGES) for a in (clean, clicked))
    assert after.argmax() == 7000 // HOP
    assert after.max() > before.max() + 3
    assert np.allclose(np.delete(after, 7000 // HOP), np.delete(before, 7000 // HOP), atol=0.5)
    louder = sharpness(clicked * np.float32(3), RATE, EDGES)
    assert louder.max() == pytest.approx(after.max(), abs=0.1)


def test_what_rings_on_is_less_sharp_than_what_is_over_at_once() -> None:
    time = np.arange(RATE // 100) / RATE
    burst = 0.15 * np.sin(2 * np.pi * 3000 * time) * np.exp(-time / 0.001)
    burst *= np.array([1, -1])[np.arange(len(time)) % 2]  # as high as a click is
    clicked, rung = voice(), voice()
    clicked[7000:7002] += np.array([0.15, -0.15], np.float32)
    rung[7000 : 7000 + len(burst)] += burst.astype(np.float32)
    click, ring = (sharpness(a, RATE, EDGES)[7000 // HOP] for a in (clicked, rung))
    assert click > ring + 2


@pytest.mark.parametrize("rate", [4000, 8000, 48000])
def test_clicks_are_sharp_at_any_rate(rate: int) -> None:
    audio = np.random.default_rng(0).normal(0, 0.01, rate).astype(np.float32)
    audio[rate // 2 : rate // 2 + 2] += np.array([0.2, -0.2], np.float32)
    found = sharpness(audio, rate, np.arange(0, rate, rate // 100))
    assert abs(int(found.argmax()) - 50) <= 1
    assert found.max() > np.partition(found, -3)[-3] + 2


@pytest.mark.parametrize("fault", ["dropout", "clipping"])
def test_equal_samples_are_repeats_where_the_sound_is_loud(fault: str) -> None:
    clean, faulty = voice(), voice()
    if fault == "dropout":
        faulty[4000:4400] = 0
    else:
        faulty = faulty.clip(-0.1, 0.1)
    assert repeats(faulty, EDGES).max() > repeats(clean, EDGES).max() + 1


def test_silence_and_faint_noise_repeat_nothing_unusual() -> None:
    silent = np.zeros(2 * RATE, np.float32)
    assert not repeats(silent, EDGES).any()
    steps = np.random.default_rng(0).integers(-1, 2, 2 * RATE)
    faint = (steps / 32768).astype(np.float32)
    assert repeats(faint, EDGES).max() < 5


def test_a_hum_is_a_steady_tone_and_speech_is_none() -> None:
    time = np.arange(2 * RATE) / RATE
    hum = (0.005 * np.sin(2 * np.pi * 50 * time)).astype(np.float32)
    before, after = tones(voice(), RATE), tones(voice() + hum, RATE)
    band = round((50 - TONES[0]) / TONES[2])
    assert after.argmax() == band
    assert after[band] > 20 > 15 > before[band]
    assert before.max() < 15
    assert tones(voice()[:900], RATE).shape == before.shape


def test_what_is_always_there_is_the_background() -> None:
    speech = np.where(np.arange(300)[:, None] % 100 < 80, 5.0, np.arange(8) / 4)
    assert np.allclose(background(speech, 0.01)[50:250], [0.375, 1.375])
    assert background(speech[:3, :2], 0.01).shape == (3, 1)


def test_all_tracks_have_a_value_in_each_frame() -> None:
    for samples in (1, 100, 1000, 5000):
        edges = np.arange(0, samples, HOP)
        found = measure(voice()[:samples], RATE, edges, np.zeros((len(edges), 80)))
        assert {*found} == {"spectrum", "background", "repeats", "tones"}
        assert all(len(v) == len(edges) and np.isfinite(v).all() for v in found.values())
