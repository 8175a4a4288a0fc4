"""Recordings as a speaker of a voice says them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from helpers import DIGITS

from wavegen.assembly import untrained
from wavegen.audio.reading import read_audio
from wavegen.config import Config
from wavegen.conversion import plan_conversion
from wavegen.errors import TextError, VoiceError
from wavegen.request import Request
from wavegen.speech.predict import usual_pitch
from wavegen.synth import plan_copy, synthesize
from wavegen.utterance import Utterance
from wavegen.voice import SpeakingVoice

SEVEN = DIGITS / "7_jackson_12.wav"


@pytest.fixture
def hearing_voice(tiny_config: Config) -> SpeakingVoice:
    """An untrained voice with a content model."""
    config = tiny_config.replace("conditioning", features="mel", content_channels=8)
    voice = untrained(config, ("ann", "bob"), ("_", ".", "n", "uː"))
    assert isinstance(voice, SpeakingVoice)
    assert voice.content is not None
    torch.nn.init.normal_(voice.content.mel.weight, std=0.02)
    torch.nn.init.constant_(voice.acoustic.prosody.pitch.bias, 0.5)
    return voice


def middle(u: Utterance) -> float:
    """Median F0 in octaves."""
    assert u.local is not None
    return float(np.median(u.local.octaves[u.local.voicing > 0]))


@pytest.mark.parametrize("text", ["seven", None])
def test_timing_and_melody_stay_and_move_to_the_targets_range(
    tiny_voice: SpeakingVoice, hearing_voice: SpeakingVoice, text: str | None
) -> None:
    voice = tiny_voice if text else hearing_voice
    target = voice.speakers[1]
    request = Request(text=text, speaker=target)
    copy, moved = plan_copy(voice, SEVEN, request), plan_conversion(voice, SEVEN, request)
    kept = plan_conversion(voice, SEVEN, request, keep_pitch=True)
    high = plan_conversion(voice, SEVEN, replace(request, pitch_shift=3))
    usual = usual_pitch(voice.acoustic_weights, np.eye(len(voice.speakers), dtype=np.float32)[1:2])
    assert middle(moved) == pytest.approx(usual, abs=1e-5)
    assert middle(kept) == pytest.approx(middle(copy), abs=1e-6)
    assert middle(high) - middle(moved) == pytest.approx(3 / 12, abs=1e-5)
    assert copy.local is not None
    for u in (moved, kept, high):
        assert u.local is not None
        assert u.samples == copy.samples
        assert u.speaker.label == target
        np.testing.assert_array_equal(u.local.voicing, copy.local.voicing)
        assert u.local.mel.shape == copy.local.mel.shape
        np.testing.assert_allclose(u.local.loudness, u.local.mel.mean(0))
    assert moved.local is not None
    voiced = moved.local.voicing > 0
    apart = (moved.local.octaves - copy.local.octaves)[voiced]
    assert np.ptp(apart) < 1e-5
    [audio] = synthesize(voice, [moved])
    assert len(audio) == len(read_audio(SEVEN, 8000).audio)


@pytest.mark.parametrize("text", ["seven", None])
def test_the_spectrogram_is_the_targets(
    tiny_voice: SpeakingVoice, hearing_voice: SpeakingVoice, text: str | None
) -> None:
    voice = tiny_voice if text else hearing_voice
    mels = []
    for speaker in ("0", "1", "0:1,1:1"):
        u = plan_conversion(voice, SEVEN, Request(text=text, speaker=speaker), keep_pitch=True)
        assert u.local is not None
        mels.append(u.local.mel)
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(mels, mels[1:] + mels[:1], strict=True))


def test_recordings_are_brought_to_the_voices_level(
    hearing_voice: SpeakingVoice, tmp_path: Path
) -> None:
    config = hearing_voice.config.replace("data", level=-30.0)
    voice = replace(hearing_voice, config=config)
    audio = read_audio(SEVEN, 8000).audio
    soundfile.write(tmp_path / "faint.wav", audio / 8, 8000, subtype="FLOAT")
    near, faint = (
        plan_conversion(voice, f, Request()).local for f in (SEVEN, tmp_path / "faint.wav")
    )
    assert near is not None
    assert faint is not None
    np.testing.assert_allclose(faint.mel, near.mel, atol=0.01)
    soundfile.write(tmp_path / "silence.wav", 0 * audio, 8000)
    silence = plan_conversion(voice, tmp_path / "silence.wav", Request()).local
    assert silence is not None
    assert np.isfinite(silence.mel).all()
    assert not silence.voicing.any()


def test_what_can_not_be_converted_is_a_clear_error(
    tiny_voice: SpeakingVoice, tiny_config: Config
) -> None:
    with pytest.raises(TextError, match=r"needs --text: what 7_jackson_12\.wav says"):
        plan_conversion(tiny_voice, SEVEN, Request())
    with pytest.raises(
        TextError, match=r"no words in '!\?': --text is what 7_jackson_12\.wav says"
    ):
        plan_conversion(tiny_voice, SEVEN, Request(text="!?"))
    for features in ("none", "phones_f0"):
        config = tiny_config.replace("conditioning", features=features)
        with pytest.raises(VoiceError, match="can't convert"):
            plan_conversion(untrained(config, (), ("_", "n")), SEVEN, Request())
