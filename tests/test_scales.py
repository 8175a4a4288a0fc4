"""Voices of several scales, from their file to their sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import DIGITS, scaled_voice

from wavegen import scales
from wavegen.drawing import Live, draw
from wavegen.errors import VoiceError
from wavegen.library import load_voice
from wavegen.request import Request
from wavegen.scales import CoarseRows, ScaledVoice, as_drawn
from wavegen.synth import plan, plan_continuation, synthesize
from wavegen.utterance import Audio, Utterance

SEVEN = DIGITS / "7_jackson_12.wav"


@pytest.fixture
def voice(tmp_path: Path) -> ScaledVoice:
    """Of 500 Hz, 2 kHz and 8 kHz, as its file has it."""
    return loaded(scaled_voice(tmp_path / "scaled.safetensors", 4))


def loaded(path: Path) -> ScaledVoice:
    voice = load_voice(path)
    assert isinstance(voice, ScaledVoice)
    return voice


def take(voice: ScaledVoice, seconds: float, seed: int = 0) -> Utterance:
    return next(plan(voice, Request(seconds=seconds, seed=seed)))


def pieces(voice: ScaledVoice, utterance: Utterance) -> list[Audio]:
    return [piece for _, piece in draw(voice, [utterance], "numba", "f32")]


def test_the_file_holds_all_scales(tmp_path: Path) -> None:
    path = scaled_voice(tmp_path / "three.safetensors", 8, 2)
    voice = loaded(path)
    assert [v.sample_rate for v in voice.chain] == [1000, 4000, 8000]
    assert [v.config.hop_length for v in voice.chain] == [10, 4, 2]
    voice.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()
    assert [len(a) for a in synthesize(voice, [take(voice, 0.1)])] == [800]


def test_all_engines_draw_the_same(voice: ScaledVoice) -> None:
    both = [take(voice, 0.05), take(voice, 0.031, seed=1)]
    drawn = [synthesize(voice, both, e, None) for e in ("naive", "cached")]
    drawn.append(synthesize(voice, both, "numba", "f32"))
    for made in drawn[1:]:
        for one, other in zip(drawn[0], made, strict=True):
            assert np.array_equal(one, other)
    assert not np.array_equal(drawn[0][0][:240], drawn[0][1][:240])


def test_neither_company_nor_pieces_change_a_sample(
    voice: ScaledVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    utterances = [take(voice, s, n) for n, s in enumerate((0.3, 0.2, 0.11))]
    together = synthesize(voice, utterances, "numba", "int8")
    alone = [np.concatenate([p for _, p in draw(voice, [u], "numba", "int8")]) for u in utterances]
    monkeypatch.setattr("wavegen.drawing.SLICE_SECONDS", 0.0123)
    small = [np.concatenate([p for _, p in draw(voice, [u], "numba", "int8")]) for u in utterances]
    for parts in zip(together, alone, small, strict=True):
        assert np.array_equal(parts[0], parts[1])
        assert np.array_equal(parts[0], parts[2])


def test_sound_comes_before_the_coarse_scale_is_complete(
    voice: ScaledVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scales, "SECTION", 16)
    asked: list[int] = []
    real = scales.CoarseRows._extend

    def extend(self: CoarseRows) -> None:
        asked.append(1)
        real(self)

    monkeypatch.setattr(scales.CoarseRows, "_extend", extend)
    stream = draw(voice, [take(voice, 2.0)], "numba", "f32")
    next(stream)
    early = len(asked)
    assert sum(len(p) for _, p in stream) > 15000
    assert early < len(asked) / 4


def test_the_finer_scale_follows_the_coarser_one(voice: ScaledVoice) -> None:
    """What it hears changes its sound, and nothing else does."""
    one, other = np.zeros(64, np.float32), np.zeros(64, np.float32)
    other[40:] = 0.5
    rows = [voice.rows(np.zeros((1, 0), np.float32), voice.told(c)) for c in (one, other)]
    assert np.array_equal(rows[0][: 40 - scales.REACH], rows[1][: 40 - scales.REACH])
    assert not np.allclose(rows[0][40:], rows[1][40:])


@pytest.mark.parametrize("section", [1, 7, 64, 1000])
def test_rows_that_are_computed_when_needed_are_those_of_the_whole(
    voice: ScaledVoice, monkeypatch: pytest.MonkeyPatch, section: int
) -> None:
    monkeypatch.setattr(scales, "SECTION", section)
    coarse = np.random.default_rng(0).normal(0, 0.1, 200).astype(np.float32)
    nobody = np.zeros((1, 0), np.float32)
    whole = voice.rows(nobody, voice.told(coarse))
    rows = CoarseRows(voice, iter(np.split(coarse, [3, 90, 91, 180])), 200, nobody)
    assert len(rows) == 200
    for begin in range(0, 200, 23):
        wanted = np.arange(begin, begin + 40).clip(max=199)
        assert np.allclose(rows[wanted], whole[wanted], atol=1e-6)
    assert np.allclose(rows[199], whole[199], atol=1e-6)
    assert np.allclose(CoarseRows(voice, iter([coarse]), 200, nobody)[:], whole, atol=1e-6)


def test_a_recording_is_continued_at_every_scale(tmp_path: Path) -> None:
    voice = loaded(scaled_voice(tmp_path / "three.safetensors", 8, 2))
    utterance = plan_continuation(voice, SEVEN, Request(seconds=0.05))
    made = [synthesize(voice, [utterance], e, None)[0] for e in ("naive", "cached")]
    made.append(synthesize(voice, [utterance], "numba", "f32")[0])
    assert len(made[0]) == 400
    assert np.array_equal(made[0], made[1])
    assert np.array_equal(made[0], made[2])
    assert utterance.prompt is not None
    for length in (1, 50):  # shorter than what is known of it at the coarse rates
        short = replace(utterance, prompt=utterance.prompt[:length])
        assert len(synthesize(voice, [short], "numba", "f32")[0]) == 400


def test_the_server_draws_the_same(voice: ScaledVoice) -> None:
    utterance, heard = take(voice, 0.2), list[Audio]()
    live = Live(voice, "numba", "f32")
    live.add(utterance, lambda p: heard.append(p) if isinstance(p, np.ndarray) else None)
    live.close()
    assert np.array_equal(np.concatenate(heard), np.concatenate(pieces(voice, utterance)))


def test_a_recording_is_heard_at_the_coarser_rate(voice: ScaledVoice) -> None:
    local = voice.observe(torch.zeros(801), 0)
    assert local.frames == 201
    places = voice.places(801)
    assert len(places) == 801
    assert np.array_equal(places[:], np.concatenate([places[:6], places[6:700], places[700:900]]))
    assert len(set(places[:].tolist())) == 4
    audio = 0.1 * torch.randn(500)
    rounded = as_drawn(voice.coarser, audio)
    assert np.array_equal(rounded, as_drawn(voice.coarser, torch.from_numpy(rounded)))
    assert 0 < np.abs(rounded - audio.numpy()).max() < 0.02


def test_texts_are_refused(voice: ScaledVoice) -> None:
    with pytest.raises(VoiceError, match="without texts"):
        next(plan(voice, Request(text="seven")))
    with pytest.raises(VoiceError, match="--seconds"):
        next(plan(voice, Request()))
