"""What is usual in measurements, and how unusual others are."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from wavegen.score.anomalies import judge
from wavegen.score.sound import background
from wavegen.score.tracks import WINDOWS, Tracks
from wavegen.score.usual import APART, CERTAIN, Gumbel, Usual, stretches


def recording(seed: int, frames: int = 200, texts: bool = True, speaker: str = "") -> Tracks:
    """Noise, whose bits are higher in one phoneme than in the other, and whose spectrum is higher
    in speaker "b"."""
    rng = np.random.default_rng(seed)
    phonemes = np.where(np.arange(frames) % 20 < 10, "a", "s")
    bits = rng.normal(np.where(phonemes == "s", 9.0, 4.0), 0.5)
    values = {
        "bits": bits[:, None],
        "peak": bits[:, None] + rng.gumbel(3, 0.5, (frames, 1)),
        "spectrum": rng.normal(0, 1, (frames, 12)) + (phonemes == "s")[:, None] * 4,
    }
    values["spectrum"][:, 3] += 3.0 * (speaker == "b")
    values["background"] = background(values["spectrum"], 0.01)
    values["tones"] = np.tile(rng.normal(0, 1, 5), (frames, 1)) + 10.0 * (speaker == "b")
    values["click"] = rng.gumbel(3, 0.5, (frames, 1))
    if texts:
        values["misfit"] = rng.exponential(1, (frames, 1))
    floats = {k: v.astype(np.float32) for k, v in values.items()}
    return Tracks(0.01, floats, phonemes if texts else None, speaker=speaker)


def changed(tracks: Tracks, name: str, part: slice, by: float, dimension: int = 0) -> Tracks:
    tracks.values[name][part, dimension] += by
    return tracks


USUAL = [recording(n) for n in range(30)]
PLAIN = [recording(n, texts=False) for n in range(30)]


@pytest.mark.parametrize("texts", [True, False])
@pytest.mark.parametrize(
    ("name", "part", "by", "seconds"),
    [
        ("click", slice(50, 51), 12.0, 0.05),
        ("peak", slice(80, 100), 3.0, 0.5),
        ("bits", slice(50, 150), 0.6, 1.0),
        ("spectrum", slice(0, 200), 0.7, 2.0),  # faint, but in all frames
        ("tones", slice(0, 200), 12.0, 2.0),
    ],
)
def test_what_is_brief_and_strong_and_what_is_faint_and_long_surprise(
    name: str, part: slice, by: float, seconds: float, texts: bool
) -> None:
    odd = changed(recording(99, texts=texts), name, part, by)
    recordings = {"odd": odd, "usual": recording(98, texts=texts)}
    verdict = judge(recordings, USUAL if texts else PLAIN, 0.01)
    first, second = verdict.judged
    assert (first.path, second.path) == ("odd", "usual")
    assert not second.stretches
    best = first.stretches[0]
    assert best.track == name
    assert best.surprise == first.surprise > verdict.threshold
    assert best.first < part.stop
    assert best.end > part.start
    assert (best.end - best.first) * 0.01 <= 2 * seconds


def test_bits_are_compared_with_those_of_the_same_phoneme() -> None:
    odd = recording(99)
    hiss = odd.phonemes == "a"
    odd.values["bits"][hiss] = 9.0  # usual in "s"
    usual = Usual(USUAL)
    mean, deviation = usual.frames.expected(odd, "bits")
    assert np.allclose(mean[:, 0], np.where(odd.phonemes == "s", 9, 4), atol=0.2)
    assert np.allclose(deviation, 0.5, atol=0.2)
    assert usual.surprises(odd)["bits", 1.0].min() > 20


def test_events_are_rare_in_any_phoneme_and_of_any_speaker() -> None:
    usual = [recording(n, speaker="ab"[n % 2]) for n in range(20)]
    for r in usual:
        r.values["click"][r.phonemes == "a"] += 2.0 + 3.0 * (r.speaker == "b")
    frames = Usual(usual).frames
    mean, deviation = frames.expected(recording(99, speaker="a"), "click")
    assert np.ptp(mean) == np.ptp(deviation) == 0


def test_what_never_happens_in_usual_recordings_surprises_within_reason() -> None:
    usual = [recording(n) for n in range(20)]
    odd, worse = recording(98), recording(99)
    for r in (*usual, odd, worse):
        r.values["rivals"] = np.zeros((r.frames, 1), np.float32)
    changed(odd, "rivals", slice(40, 60), 1.0)  # one word fits better
    changed(worse, "rivals", slice(40, 60), 4.0)
    found = Usual(usual)
    one, many = (found.surprises(r)["rivals", 0.0].max() for r in (odd, worse))
    assert 3 < one < 10
    assert 15 < many < 40


def test_what_is_steady_is_compared_with_a_speakers_mean_and_the_deviation_of_all() -> None:
    usual = [recording(n, speaker="ab"[n % 2]) for n in range(20)]
    for r in usual[::2]:
        r.values["tones"][:] = 0.0  # of "a", who by chance has no deviation
    frames = Usual(usual).frames
    own, other = (frames.expected(recording(99, speaker=s), "tones") for s in "ab")
    assert np.allclose(own[0], 0, atol=0.5)
    assert np.allclose(other[0], 10, atol=1.5)
    assert np.allclose(own[1], other[1])


@pytest.mark.parametrize("texts", [True, False])
def test_speakers_are_compared_with_themselves(texts: bool) -> None:
    usual = [recording(n, texts=texts, speaker="ab"[n % 2]) for n in range(20)]
    new = {name: recording(99, texts=texts, speaker=name) for name in "ab"}
    new["b?"] = replace(new["b"], speaker="a")  # who sounds as the other one
    verdict = judge(new, usual, 0.01)
    assert [j.path for j in verdict.anomalous] == ["b?"]


def test_an_unknown_speaker_is_compared_with_the_mean_of_all() -> None:
    frames = Usual([recording(n, speaker="ab"[n % 2]) for n in range(20)]).frames
    for name, apart in {"a": 0.0, "b": 3.0, "unknown": 1.5}.items():
        mean, _ = frames.expected(recording(99, speaker=name), "spectrum")
        assert np.allclose(mean[:, 3] - mean[:, 2], apart, atol=0.5)


def test_maxima_of_more_windows_are_higher_without_being_a_surprise() -> None:
    windows = np.resize([10.0, 100.0, 1000.0], 6000)
    maxima = np.random.default_rng(0).gumbel(5 + 2 * np.log(windows), 2)
    found = Gumbel.of(maxima, windows)
    assert (found.location, found.scale) == pytest.approx((5, 2), abs=0.3)
    for many in (10, 1000):
        surprise = found.surprise(maxima[windows == many], many)
        assert (surprise >= 3).mean() == pytest.approx(1 / 8, abs=0.02)


def test_half_of_usual_maxima_surprise_by_a_bit_or_more() -> None:
    maxima = np.random.default_rng(0).gumbel(5, 2, 4000)
    found = Gumbel.of(maxima)
    assert (found.location, found.scale) == pytest.approx((5, 2), abs=0.2)
    for bits in (1, 3, 6):
        share = (found.surprise(maxima) >= bits).mean()
        assert share == pytest.approx(2.0**-bits, abs=0.01)
    assert (maxima > found.threshold(0.05)).mean() == pytest.approx(0.05, abs=0.01)
    assert np.isfinite(found.surprise(np.array([-1e6, 1e6]))).all()


def test_false_alarms_are_about_as_rare_as_asked_for() -> None:
    new = {str(n): recording(n) for n in range(100, 200)}
    usual = [recording(n) for n in range(60)]
    assert 4 <= len(judge(new, usual, 0.1).anomalous) <= 20


def test_what_a_usual_recording_has_of_its_own_is_told_by_the_others() -> None:
    usual = [recording(n) for n in range(10)]
    alone = Usual(usual).alone
    usual[3] = changed(usual[3], "bits", slice(100, 200), 3.0)
    odd = Usual(usual).alone
    assert odd[3] == CERTAIN > 2 * alone.max()
    assert np.delete(odd, 3).max() <= alone.max() + 1


def test_stretches_are_apart_and_recordings_may_be_shorter_than_windows() -> None:
    usual = Usual(USUAL)
    odd = changed(recording(99), "bits", slice(100, 140), 3.0)
    found = stretches(usual.surprises(odd), odd, 5.0, 4)
    assert 1 <= len(found) <= 4
    assert [s.surprise for s in found] == sorted((s.surprise for s in found), reverse=True)
    for a, b in combinations(found, 2):
        assert max(a.first - b.end, b.first - a.end) >= APART
    short = recording(7, frames=3)
    assert {len(v) for v in usual.surprises(short).values()} == {1, 3}
    assert {*usual.surprises(short)} == {(n, s) for n in short.values for s in WINDOWS[n]}


def test_a_recording_without_a_text_is_compared_without_texts() -> None:
    verdict = judge({"a": recording(99), "b": recording(98, texts=False)}, USUAL, 0.05)
    assert not verdict.texts
    assert all("misfit" not in j.tracks.values for j in verdict.judged)
