"""Faults that are made in recordings, and how it is judged whether they are found."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluate_anomalies import COLUMNS, Bench, area, evaluate, evenly, simple
from faults import (
    ALONE,
    BESIDE_DB,
    CLICK,
    HUM_DB,
    KNOCK,
    TOP,
    beside,
    knock,
    level,
    replaced,
    spliced,
)
from helpers import DIGITS, free_voice

from wavegen.data.dataset import open_dataset
from wavegen.library import load_voice
from wavegen.score.anomalies import folder_config
from wavegen.voice import SpeakingVoice

RATE = 8000


def sound(seed: int = 0, seconds: float = 2.0) -> np.ndarray:
    """Noise that swells and fades."""
    n = round(seconds * RATE)
    noise = np.random.default_rng(seed).normal(0, 0.1, n)
    return (noise * np.sin(np.linspace(0, np.pi, n))).astype(np.float32)


@pytest.mark.parametrize("kind", ALONE)
def test_a_fault_is_what_its_name_says(kind: str) -> None:
    audio = sound()
    faulty = ALONE[kind](audio, RATE, np.random.default_rng(1))
    assert faulty.dtype == np.float32
    assert faulty.shape == audio.shape
    assert np.abs(faulty).max() <= 1
    changed = np.flatnonzero(faulty != audio)
    peak = np.abs(audio).max()
    if kind == "clicks":
        assert len(changed) <= 6
        assert np.abs(faulty - audio).max() == pytest.approx(CLICK * peak, rel=1e-3)
    elif kind == "dropouts":
        assert not faulty[changed].any()
        assert 0.02 * RATE <= len(changed) <= 0.08 * RATE
    elif kind == "clipping":
        assert np.abs(faulty).max() == pytest.approx(TOP * peak)
    else:
        added = faulty - audio
        assert 20 * np.log10(level(added) / level(audio)) == pytest.approx(HUM_DB, abs=0.1)
        assert np.abs(np.fft.rfft(added)).argmax() * RATE / len(added) == pytest.approx(50, abs=1)


def test_a_knock_dies_away_and_a_voice_is_as_loud_as_it_should_be() -> None:
    audio, rng = sound(), np.random.default_rng(1)
    added = knock(audio, RATE, rng) - audio
    assert 0.5 < np.abs(added).max() / (KNOCK[0] * np.abs(audio).max()) <= 1
    assert 0.1 * RATE < np.ptp(np.flatnonzero(added)) < 0.2 * RATE
    added = beside(audio, sound(1, 0.5), RATE, rng) - audio
    where = np.flatnonzero(added)
    assert np.ptp(where) < 0.5 * RATE
    loud = level(audio) * 10 ** (BESIDE_DB / 20)
    assert level(added[where[0] : where[-1]]) == pytest.approx(loud, rel=0.05)
    assert len(beside(audio[:100], sound(1), RATE, rng)) == 100


def test_a_piece_is_put_in_without_clicks() -> None:
    audio, other = sound(), sound(1)
    faulty = spliced(audio, 0.1 * other, RATE, np.random.default_rng(0))
    assert faulty.shape == audio.shape
    where = np.flatnonzero(faulty != audio)
    piece = slice(where[0], where[-1] + 1)
    assert 0.6 * RATE < where[-1] - where[0] < 0.7 * RATE
    assert 0.3 < level(faulty[piece]) / level(audio) < 3
    tone = np.full(RATE, 0.5, np.float32)
    longer = replaced(tone, 2000, 3000, -tone[:1500], RATE)
    assert len(longer) == RATE + 500
    assert np.abs(np.diff(longer)).max() < 0.05
    assert longer[2100] == -0.5


def test_areas_are_those_under_roc_curves() -> None:
    assert area([1.0, 2.0], [3.0, 4.0]) == 1
    assert area([1.0, 3.0], [2.0, 4.0]) == 0.75
    loud = sound()
    loud[8000:8100] = 0.9
    assert (simple(loud, RATE).max(0) > simple(sound(), RATE).max(0) + 0.5).all()


def test_clips_are_of_all_speakers_evenly(tiny_voice: SpeakingVoice, tmp_path: Path) -> None:
    data = open_dataset(DIGITS, folder_config(tiny_voice), tmp_path, f0=False)
    paths = [p for p in sorted(data.clips) if "_theo_" not in p or p.startswith("7")]
    some = evenly(data, paths, 16)
    counts = Counter(data.clips[p].speaker for p in some)
    assert len({*some}) == len(some) == 16
    assert counts == {s: 1 if s == "theo" else 3 for s in data.speakers}
    assert len({Path(p).name[0] for p in some}) > 5  # not the same digit of each
    assert len(evenly(data, paths, 1000)) == len(paths)


def test_all_faults_of_held_out_recordings_are_judged(
    tiny_voice: SpeakingVoice, tmp_path: Path
) -> None:
    data = open_dataset(DIGITS, folder_config(tiny_voice), tmp_path, f0=False)
    bench = Bench(tiny_voice, data)
    own = [p for p in data.clips if "_theo_" in p]
    told: list[Any] = []
    found = evaluate(bench, own[:8], own[8:9], lambda *done: told.append(done))
    assert list(found) == ["none", *ALONE, "splice", "word", "transcript"]
    for kind, figures in found.items():
        scores = {c for c in COLUMNS if c != "found"}
        assert set(figures) - {"found"} == (set() if kind == "none" else scores) - (
            {"no texts"} if kind == "transcript" else set()
        )
        assert all(0 <= f <= 1 for f in figures.values())
    assert told[-1] == ("test clips", 1, 1)
    many = [*own[:8], *(p for p in data.clips if "_jackson_" in p)]
    apart = evaluate(bench, many, own[8:9], lambda *done: None, apart=True)
    assert apart == found


def test_sound_without_texts_gets_knocks_and_voices(tmp_path: Path) -> None:
    voice = load_voice(str(free_voice(tmp_path / "free.safetensors")))
    config = folder_config(voice, "flat").replace("data", validation=0.4, test=0.2)
    data, speech = (open_dataset(DIGITS, config, tmp_path, f0=False) for _ in range(2))
    bench = Bench(voice, data, speech, speech)
    fit, tested = data.split["validation"][:8], data.split["test"][:1]
    found = evaluate(bench, fit, tested, lambda *done: None)
    assert list(found) == ["none", *ALONE, "splice", "knock", "voice"]
    assert all("texts" not in figures for figures in found.values())
    assert 0 <= found["voice"]["no texts"] <= 1
    assert list(dict(Bench(voice, data).faulty(tested[0]))) == ["none", *ALONE, "knock"]
