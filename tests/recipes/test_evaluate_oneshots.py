"""How one-shots are measured."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from evaluate_oneshots import kind_of, likeness, shape, shares
from numpy.typing import NDArray

from wavegen.recipe import find_recipe, read_config

RATE = 16000


def hit(hz: float, decay: float, seconds: float, before: float = 0.0) -> NDArray[np.float32]:
    """A tone that decays by 20 dB in so many seconds, after silence."""
    t = np.arange(round(seconds * RATE)) / RATE
    tone = 0.5 * np.sin(2 * np.pi * hz * t) * 10 ** (-t / decay)
    return np.concatenate([np.zeros(round(before * RATE)), tone]).astype(np.float32)


def test_shape_of_a_decaying_tone() -> None:
    s = shape(hit(2000, 0.1, 0.3, 0.05), RATE)
    assert s.seconds == pytest.approx(0.35)
    assert s.attack == pytest.approx(50)
    assert s.decay == pytest.approx(100, abs=5)
    assert s.end == pytest.approx(-60, abs=1.5)
    assert s.centroid == pytest.approx(2000, rel=0.02)
    assert s.peak == pytest.approx(-9.5, abs=0.5)


def test_shape_of_one_sample() -> None:
    assert shape(np.array([0.5], np.float32), RATE).decay == 0


def test_likeness_at_any_lag() -> None:
    a = hit(300, 0.1, 0.3)
    late = np.concatenate([np.zeros(800, np.float32), -a])
    assert likeness(a, late) == pytest.approx(1, abs=1e-4)
    noise = np.random.default_rng(0).normal(0, 0.1, 4800).astype(np.float32)
    assert likeness(a, noise) < 0.2


def test_shares_of_what_is_no_one_shot() -> None:
    real = [shape(hit(200, d, 3 * d), RATE) for d in (0.05, 0.1, 0.2)]
    good = real[1]
    faults = {
        "silent": replace(good, peak=good.peak - 40),
        "too loud": replace(good, rms=good.rms + 20),
        "endless": replace(good, seconds=2.0),
        "no attack": replace(good, attack=300.0),
        "breaks off": replace(good, end=-3.0),
    }
    assert set(shares([good], real, 2.0).values()) == {0}
    for name, bad in faults.items():
        assert {k for k, v in shares([good, bad], real, 2.0).items() if v == 50} == {name}


def test_the_end_is_what_comes_before_silence() -> None:
    a = hit(2000, 0.1, 0.3)
    padded = np.pad(a, (0, 800))
    assert shape(padded, RATE).end == pytest.approx(shape(a, RATE).end, abs=0.5)
    assert shape(np.zeros(800, np.float32), RATE).end == 0


def test_the_recipe_takes_each_sound_for_a_speaker() -> None:
    pattern = re.compile(read_config(find_recipe("oneshots")).data.pattern)
    for name in ("bd_808", "drum_cymbal_open", "elec_bell", "tabla_na_o"):
        match = pattern.fullmatch(name)
        assert match is not None
        assert match["speaker"] == name
        assert kind_of(name) == name[: name.index("_")]
    assert not any(map(pattern.fullmatch, ("drum_roll", "perc_bell", "loop_amen", "ambi_piano")))
