"""From phonemes to lengths, F0 and mel spectrograms, and the voices made with them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from helpers import DIGITS, TINY, Result

from wavegen.audio.features import mel, mel_silence, octaves, pitch
from wavegen.audio.local_features import LocalFeatures
from wavegen.config import Config
from wavegen.data import tracks
from wavegen.data.dataset import open_dataset
from wavegen.model.acoustic import AcousticModel
from wavegen.recipe import load_config, to_toml
from wavegen.request import Request
from wavegen.speech.align import Alignment
from wavegen.speech.fit import Recording, fit, phones
from wavegen.speech.frontend import read_clip
from wavegen.voice import SpeakingVoice, untrained


@pytest.mark.parametrize("rate", [8000, 16000, 22050])
def test_features_have_a_column_for_every_begun_frame(rate: int) -> None:
    for samples in (1, rate // 100, rate // 100 + 1, 4321):
        audio = torch.randn(samples) / 10
        frames = -(-samples // (rate // 100))
        assert mel(audio, rate, rate // 100, 80).shape == (80, frames)
        assert pitch(audio.numpy(), rate, rate // 100).shape == (frames,)


def test_mel_is_loud_where_the_tone_is_and_at_its_floor_in_silence() -> None:
    audio = torch.zeros(16000)
    audio[8000:] = torch.sin(2 * torch.pi * 1000 * torch.arange(8000) / 16000)
    bands = mel(audio, 16000, 160, 40)
    assert torch.all(bands[:, :47] == mel_silence())
    assert int(bands[:, 75].argmax()) == pytest.approx(13, abs=2)  # Slaney: 1 kHz is 15 of 45 mels
    assert bands.max() > 1


def test_pitch_is_found_within_a_fifth_of_a_semitone() -> None:
    time = np.arange(16000) / 16000
    buzz = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20)) / 4
    audio = np.concatenate([buzz, np.zeros(8000)]).astype(np.float32)
    f0 = pitch(audio, 16000, 160)
    assert np.abs(1200 * np.log2(f0[10:90] / 140)).max() < 20
    assert not f0[110:].any()
    voiced, octave = octaves(torch.tensor([0.0, 160.0, 320.0]))
    assert voiced.tolist() == [0, 1, 1]
    assert octave.tolist() == [0, 0, 1]


def utterance(rng: np.random.Generator) -> Recording:
    """Symbol k lasts 2k frames at level k/4, voiced from 3 on, at k/10 octaves."""
    ids = rng.integers(1, 6, 6).tolist()
    frames = [2 * k for k in ids]
    row = torch.tensor([float(k) for k, n in zip(ids, frames, strict=True) for _ in range(n)])
    voiced = (row >= 3).float()
    words = (tuple(ids[:3]), tuple(ids[3:]))
    return Recording(
        Alignment(words, tuple(frames)), 0, voiced, voiced * row / 10, (row / 4).expand(4, -1)
    )


def test_it_learns_lengths_melody_and_spectrum() -> None:
    rng = np.random.default_rng(0)
    model = AcousticModel(6, 0, 4, 32)
    fit(model, [utterance(rng) for _ in range(60)], 300, 0)
    assert not model.training
    new = utterance(rng)
    batch, lengths = phones([new.alignment], [0])
    with torch.inference_mode():
        encoded = model.encode(batch)
        guess = model.durations(encoded, batch.mask)[0].expm1()
        assert (guess - lengths[0]).abs().max() < 1.0
        rows = model.frames(encoded, lengths)
        mask = torch.ones(1, 1, rows.shape[2])
        logit, octave = model.melodies(rows, mask)
        assert ((logit[0] > 0) == (new.voicing > 0)).float().mean() > 0.95
        assert ((octave[0] - new.octaves).abs() * new.voicing).max() < 0.1
        spectrum = model.spectra(rows, new.voicing[None], new.octaves[None], mask)[0]
        assert (spectrum - new.mel).abs().mean() < 0.1
    assert 0 < model.duration_spread < 0.3


def test_padding_and_company_change_nothing() -> None:
    model = AcousticModel(6, 2, 4, 16).eval()
    rng = np.random.default_rng(1)
    a, b = utterance(rng), utterance(rng)
    b = replace(b, alignment=Alignment(((1, 2), (3,)), (3, 0, 2)))  # one lasts no time at all
    both, lengths = phones([a.alignment, b.alignment], [0, 1])
    alone, own = phones([b.alignment], [1])
    with torch.inference_mode():
        x, y = model.encode(both), model.encode(alone)
        assert torch.allclose(x[1, :, :3], y[0], atol=1e-6)
        assert torch.allclose(
            model.durations(x, both.mask)[1, :3], model.durations(y, alone.mask)[0], atol=1e-6
        )
        rows = model.frames(y, own)
        assert rows.shape[2] == 5
        assert torch.allclose(model.frames(x, lengths)[1, :, :5], rows[0], atol=1e-6)


@pytest.mark.parametrize("damaged", ["pitch-80.npz", "pitch-80.f16"])
def test_f0_is_found_once_and_kept(
    tmp_path: Path, tiny_config: Config, monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    config = tiny_config.replace("conditioning", features="mel")
    first = open_dataset(DIGITS, config, tmp_path)
    assert all(p in first.tracks for p in first.clips)

    found = {p: first.tracks[p] for p in first.clips}

    def never(*args: object) -> None:
        raise AssertionError

    monkeypatch.setattr(tracks, "pitch", never)
    again = open_dataset(DIGITS, config, tmp_path)
    for path in first.clips:
        assert np.array_equal(again.tracks[path], first.tracks[path])
    [file] = tmp_path.rglob(damaged)
    file.write_bytes(file.read_bytes()[:1000])
    monkeypatch.undo()
    mended = open_dataset(DIGITS, config, tmp_path)
    assert all(np.array_equal(mended.tracks[p], found[p]) for p in first.clips)


def test_a_style_stretches_and_shifts(tiny_voice: SpeakingVoice) -> None:
    unit = read_clip("one two three four five")
    assert unit is not None

    def said(**style: float) -> LocalFeatures:
        return tiny_voice.predict(unit, 0, Request(**style))

    plain = said()
    assert said(length_scale=1.5).frames == pytest.approx(1.5 * plain.frames, rel=0.05)
    higher = said(pitch_shift=4)
    assert torch.allclose(higher.octaves, plain.octaves + plain.voicing / 3, atol=1e-5)
    tiny_voice.acoustic.duration_spread.fill_(0.3)
    takes = [said(noise_scale=1.0, seed=n).frames for n in (1, 1, 2, 3)]
    assert takes[0] == takes[1]
    assert len(set(takes)) > 1


def test_a_mel_voice_without_texts_copies_recordings(
    cli: Callable[..., Result], tmp_path: Path, tone: Callable[..., Path]
) -> None:
    for n in range(3):
        tone(tmp_path / "audio" / f"{n}.wav")
    recipe = tmp_path / "tiny.toml"
    table = {**TINY, "conditioning": {**TINY["conditioning"], "features": "mel"}}
    recipe.write_text(to_toml(load_config(table, "tiny")))
    run = tmp_path / "run"
    done = cli("train", tmp_path / "audio", "--recipe", recipe, "--out", run)
    assert done.code == 0, done.err
    voice, out = run / "voice.safetensors", tmp_path / "copy.wav"
    source = DIGITS / "3_theo_8.wav"
    done = cli("vocode", source, "-m", voice, "-o", out)
    assert done.code == 0, done.err
    assert soundfile.info(out).frames == soundfile.info(source).frames
    phones = tmp_path / "phones_f0.safetensors"
    untrained(
        load_config(TINY, "tiny").replace("conditioning", features="phones_f0"), (), ("_", "n")
    ).save(phones)
    for args, part in (
        (("synth", "--voice", voice, "-t", "one", "-o", tmp_path / "a.wav"), "without texts"),
        (("synth", "--voice", voice, "--seconds", "1", "-o", tmp_path / "a.wav"), "vocode"),
        (("vocode", tmp_path / "no.wav", "--voice", voice, "-o", tmp_path / "a.wav"), "no.wav"),
        (("vocode", source, "--voice", voice, "-o", out), "--force"),
        (("vocode", source, "--voice", phones, "-o", tmp_path / "a.wav"), "no mel features"),
    ):
        wrong = cli(*args)
        assert (wrong.code, part in wrong.err) == (2, True), wrong.err
