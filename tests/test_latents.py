"""Recordings as codes, and voices that speak them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import DIGITS

from wavegen.assembly import untrained
from wavegen.audio.local_features import LocalFeatures
from wavegen.config import Config
from wavegen.conversion import plan_conversion
from wavegen.drawing import draw_codes
from wavegen.errors import DataError, VoiceError
from wavegen.latents import HIGHEST, LOWEST, STEP, Codes, LatentVoice, quantised_pitch, read_codes
from wavegen.library import load_voice
from wavegen.recording import read_recording
from wavegen.request import Request
from wavegen.synth import plan, plan_continuation, plan_copy, plan_decoding, synthesize

SEVEN = DIGITS / "7_jackson_12.wav"


@pytest.fixture
def voice(tiny_config: Config, tmp_path: Path) -> LatentVoice:
    """An untrained voice, as its file has it."""
    config = tiny_config.replace("conditioning", features="latent", codes=8, latent_channels=8)
    made = untrained(config, ("ann", "bob"), ())
    assert isinstance(made, LatentVoice)
    torch.nn.init.normal_(made.latent.mel.weight, std=0.02)
    made.latent.pitch.copy_(torch.tensor([-0.5, 0.5]))
    made.save(tmp_path / "latent.safetensors")
    loaded = load_voice(tmp_path / "latent.safetensors")
    assert isinstance(loaded, LatentVoice)
    return loaded


@pytest.fixture
def drawing(tiny_config: Config) -> LatentVoice:
    """One that draws codes, too."""
    told = {"features": "latent", "codes": 8, "codebooks": 2, "latent_channels": 8}
    made = untrained(tiny_config.replace("conditioning", prior_steps=1, **told), ("ann", "bob"), ())
    assert isinstance(made, LatentVoice)
    return made


def encoded(voice: LatentVoice) -> Codes:
    return voice.encode_recording(read_recording(voice, SEVEN), SEVEN.name)


def median(local: LocalFeatures | None) -> float:
    assert local is not None
    return float(np.median(local.octaves[local.voicing > 0]))


def test_a_copy_is_what_the_codes_decode_to(voice: LatentVoice, tmp_path: Path) -> None:
    codes = encoded(voice)
    assert len(codes.codes) == -(-codes.samples // 160)
    codes.save(tmp_path / "seven.npz")
    read = read_codes(tmp_path / "seven.npz", voice)
    np.testing.assert_array_equal(read.codes, codes.codes)
    request = Request(speaker="bob", seed=3)
    copy, decoded = synthesize(
        voice, [plan_copy(voice, SEVEN, request), plan_decoding(voice, read, request)]
    )
    np.testing.assert_array_equal(copy, decoded)
    assert len(copy) == codes.samples == len(read_recording(voice, SEVEN))
    assert voice.bits_per_second == (50 * 3, 50 * 7)


def test_in_training_the_voice_hears_what_the_codes_stand_for(voice: LatentVoice) -> None:
    audio = torch.from_numpy(read_recording(voice, SEVEN))
    mels = []
    for who in (1, torch.tensor([0.0, 1.0])):
        local = voice.observe(audio, who)
        assert local.mel.shape == (20, local.frames)
        assert not local.mel.requires_grad
        melody = local.each(np.asarray)
        mine = voice.spoken(encoded(voice).codes, melody, np.eye(2, dtype=np.float32)[1:])
        np.testing.assert_array_equal(local.mel, mine.mel)
        mels.append(local.mel)
    assert torch.equal(*mels)


def test_conversion_moves_f0_to_the_speakers_range(voice: LatentVoice) -> None:
    usual = {"ann": -0.5, "bob": 0.5, "0:1,1:1": 0.0}
    plans = {who: plan_conversion(voice, SEVEN, Request(speaker=who)) for who in usual}
    for who, target in usual.items():
        assert median(plans[who].local) == pytest.approx(target, abs=1e-3)
    a, b = (plans[who].local for who in ("ann", "bob"))
    assert a is not None
    assert b is not None
    assert np.abs(a.mel - b.mel).max() > 1e-3
    kept = plan_conversion(voice, SEVEN, Request(pitch_shift=2), keep_pitch=True)
    own = plan_copy(voice, SEVEN, Request())
    assert median(kept.local) - median(own.local) == pytest.approx(2 / 12, abs=1e-5)


@pytest.mark.parametrize("each", [1, 2, 4])
def test_f0_comes_back_within_half_a_step(voice: LatentVoice, each: int) -> None:
    rate = 100 // each
    voice = replace(voice, config=voice.config.replace("conditioning", code_rate=rate))
    frames = 38
    voicing = np.zeros(frames, np.float32)
    voicing[8:32] = 1
    glide = np.linspace(LOWEST, HIGHEST, frames).astype(np.float32)
    pitch = quantised_pitch(voicing, glide * voicing, each)
    assert (pitch > 0).sum() == 24 / each
    made = voice.melody(Codes(np.zeros((len(pitch), 1), np.uint16), pitch, 80 * frames - 3, "", ""))
    np.testing.assert_array_equal(made.voicing, voicing)
    assert np.abs(made.octaves - glide)[10:30].max() <= STEP / 2 + 1e-6
    assert np.diff(made.octaves[9:31]).max() < 4.1 * STEP


def test_a_voice_may_do_without_f0(drawing: LatentVoice) -> None:
    voice = replace(drawing, config=drawing.config.replace("conditioning", f0=False))
    codes = encoded(voice)
    assert encoded(drawing).pitch.any()
    assert not codes.pitch.any()
    assert voice.bits_per_second == (2 * 50 * 3, 0)
    assert voice.symbols(codes).shape == codes.codes.shape
    observed = voice.observe(torch.from_numpy(read_recording(voice, SEVEN)), 0)
    assert not observed.voicing.any()
    assert not observed.phase_step.any()


def test_symbols_are_the_codes(drawing: LatentVoice) -> None:
    codes = encoded(drawing)
    symbols = drawing.symbols(codes)
    assert symbols.shape == (len(codes.codes), 3)
    again = drawing.of_symbols(symbols, codes.samples, codes.name)
    for name, value in vars(codes).items():
        np.testing.assert_array_equal(value, getattr(again, name))
    beyond = drawing.of_symbols(np.full((4, 3), 255), 1, "")
    assert beyond.codes.max() == 7
    assert beyond.pitch.max() == 127


def test_codes_are_drawn_from_nothing(drawing: LatentVoice) -> None:
    drawn = [draw_codes(drawing, Request(seed=n), 3999) for n in (0, 0, 1)]
    assert drawn[0].codes.shape == (25, 2)
    np.testing.assert_array_equal(drawn[0].codes, drawn[1].codes)
    assert (drawn[0].codes != drawn[2].codes).any()
    cold = replace(drawing, config=drawing.config.replace("conditioning", code_temperature=0.0))
    likely = [draw_codes(v, Request(temperature=t), 3999) for v, t in ((cold, 1.0), (drawing, 0.0))]
    np.testing.assert_array_equal(likely[0].codes, likely[1].codes)
    assert (likely[0].codes != drawn[0].codes).any()
    [planned] = plan(drawing, Request(seconds=0.5, speaker="bob"))
    assert planned.samples == 4000
    assert planned.speaker.label == "bob"
    [sound] = synthesize(drawing, [planned])
    assert len(sound) == 4000
    for request in (Request(), Request(seconds=9.0, max_seconds=8.0)):
        with pytest.raises(VoiceError):
            next(plan(drawing, request))


def test_a_recording_is_continued_in_codes(drawing: LatentVoice) -> None:
    audio, known = read_recording(drawing, SEVEN), encoded(drawing)
    whole = known.samples // 160
    assert known.samples % 160
    utterance = plan_continuation(drawing, SEVEN, Request(seconds=0.5, speaker="bob"))
    assert utterance.prompt is not None
    np.testing.assert_array_equal(utterance.prompt, audio)
    assert utterance.samples == 4000
    codes = draw_codes(drawing, Request(), len(audio) + 4000, known)
    assert len(codes.codes) == -(-(len(audio) + 4000) // 160)
    np.testing.assert_array_equal(codes.codes[:whole], known.codes[:whole])
    np.testing.assert_array_equal(codes.pitch[:whole], known.pitch[:whole])
    # What follows depends on what there was.
    rolled = replace(known, codes=np.roll(known.codes, 7), pitch=np.roll(known.pitch, 7))
    other = draw_codes(drawing, Request(), len(audio) + 4000, rolled)
    assert (other.pitch != codes.pitch)[whole:].any()
    another = draw_codes(drawing, Request(seed=1), len(audio) + 4000, known)
    assert (another.codes != codes.codes).any()
    # What is shorter than a code begins nothing.
    short = replace(known, codes=known.codes[:1], pitch=known.pitch[:1], samples=100)
    assert draw_codes(drawing, Request(), 4100, short).samples == 4100
    one, two = synthesize(drawing, [utterance, replace(utterance, request=Request(seed=1))])
    assert len(one) == 4000
    assert not np.array_equal(one, two)
    for request, said in (
        (Request(text="x", seconds=1.0), "without texts"),
        (Request(speaker_path="ann,bob", seconds=1.0), "as one speaker"),
    ):
        with pytest.raises(VoiceError, match=said):
            plan_continuation(drawing, SEVEN, request)


def test_silence_has_no_f0(voice: LatentVoice) -> None:
    codes = voice.encode_recording(np.zeros(1000, np.float32), "silence.wav")
    assert not codes.pitch.any()
    local = voice.spoken(codes.codes, voice.melody(codes), voice.weights(voice.who(None)))
    assert np.isfinite(local.mel).all()


def test_files_of_codes_that_can_not_be_read_are_a_clear_error(
    voice: LatentVoice, tmp_path: Path
) -> None:
    codes, path = encoded(voice), tmp_path / "a.npz"
    for wrong, said in (
        (replace(codes, voice="another"), "by another voice than latent"),
        (replace(codes, codes=codes.codes[1:]), "is broken"),
        (replace(codes, codes=codes.codes + np.uint16(8)), "is broken"),
        (replace(codes, codes=codes.codes.repeat(2, 1)), "is broken"),
        (replace(codes, pitch=codes.pitch[1:]), "is broken"),
        (replace(codes, samples=0), "is broken"),
    ):
        wrong.save(path, replace=True)
        with pytest.raises(DataError, match=said):
            read_codes(path, voice)
    np.savez(path, codes=np.zeros(3))
    with pytest.raises(DataError, match="no file from wavegen encode"):
        read_codes(path, voice)
    for content in (b"", b"PK\x03\x04 and so on", b"words"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="no file from wavegen encode"):
            read_codes(path, voice)
    with pytest.raises(DataError, match="can't read"):
        read_codes(tmp_path / "none.npz", voice)
