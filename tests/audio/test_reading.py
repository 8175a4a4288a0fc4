"""Audio files of any format, rate and quality."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from wavegen.audio.reading import read_audio
from wavegen.audio.writing import wav_header
from wavegen.errors import DataError


@pytest.mark.parametrize(
    ("suffix", "subtype", "rate", "channels"),
    [
        (".wav", "PCM_16", 8000, 1),
        (".wav", "PCM_24", 44100, 2),
        (".wav", "PCM_U8", 11025, 1),
        (".wav", "FLOAT", 192000, 1),
        (".wav", "PCM_16", 48000, 6),
        (".flac", "PCM_24", 96000, 1),
        (".ogg", "VORBIS", 22050, 2),
        (".mp3", "MPEG_LAYER_III", 44100, 2),
    ],
)
def test_every_kind_of_file_is_read_at_the_rate_asked_for(
    tmp_path: Path,
    tone: Callable[..., Path],
    suffix: str,
    subtype: str,
    rate: int,
    channels: int,
) -> None:
    path = tone(tmp_path / f"tone{suffix}", rate, 1.0, channels, subtype=subtype)
    r = read_audio(path, 16000)
    assert (r.source_rate, r.channels) == (rate, channels)
    assert abs(len(r.audio) - 16000) < 2000  # MP3 pads its ends
    spectrum = np.abs(np.fft.rfft(r.audio * np.hanning(len(r.audio))))
    assert abs(spectrum.argmax() * 16000 / len(r.audio) - 220) < 2
    assert 0.45 < np.abs(r.audio[2000:-2000]).max() < 0.55


def test_overshoot_is_clipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.array([0.5, 1.5, -2.0, 0.0]), 8000, subtype="FLOAT")
    r = read_audio(path, 8000)
    assert r.clipped == 2
    assert r.audio.tolist() == [0.5, 1.0, -1.0, 0.0]


def test_trimming_says_how_much_it_took(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    audio = np.concatenate([np.zeros(4000), 0.3 * rng.standard_normal(8000), np.zeros(4000)])
    soundfile.write(tmp_path / "a.wav", audio.clip(-1, 1), 8000)
    assert read_audio(tmp_path / "a.wav", 8000).trimmed == 0
    r = read_audio(tmp_path / "a.wav", 8000, trim_db=40)
    assert 0.9 < r.trimmed < 1.01
    assert len(r.audio) + round(r.trimmed * 8000) == 16000
    padded = read_audio(tmp_path / "a.wav", 8000, trim_db=40, padding=0.25)
    assert np.array_equal(padded.audio, np.pad(r.audio, (0, 2000)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_make_a_file_unreadable(tmp_path: Path, bad: float) -> None:
    path = tmp_path / "bad.wav"
    soundfile.write(path, np.array([0.0, bad, 0.1]), 8000, subtype="FLOAT")
    with pytest.raises(DataError, match=r"bad\.wav holds NaN"):
        read_audio(path, 8000)


def test_why_a_file_cannot_be_read_is_said(tmp_path: Path) -> None:
    for path, why in (
        (tmp_path / "none.wav", "there is no such file"),
        (tmp_path, "it is a folder"),
        (tmp_path / ("a" * 300), "File name too long"),
    ):
        with pytest.raises(DataError, match=f"can't read .* as audio: {why}"):
            read_audio(path, 8000)


def test_a_wav_that_was_cut_off_is_named(
    tmp_path: Path, tone: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    whole = tone(tmp_path / "whole.wav")
    data = whole.read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[: 44 + (len(data) - 44) * 3 // 4])
    (tmp_path / "pipe.wav").write_bytes(wav_header(8000) + data[44:])
    for name in ("whole", "cut", "pipe", "cut"):
        assert len(read_audio(tmp_path / f"{name}.wav", 8000).audio)
    [said] = caplog.messages
    assert said.endswith("cut.wav is cut off: 25.0% is missing")
