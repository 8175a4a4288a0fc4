"""Sound on its way out: formats, finishing, pipes."""

import errno
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torchaudio.functional import loudness

from wavegen.audio.writing import (
    FORMATS,
    Audio,
    apply_finish,
    encode,
    finish_stream,
    pcm,
    wav_header,
    write_audio,
)
from wavegen.errors import WavegenError
from wavegen.request import Finish


def noise(seconds: float, rate: int = 16000, level: float = 0.1) -> Audio:
    t = np.arange(round(seconds * rate)) / rate
    hum = np.sin(2 * np.pi * 300 * t)
    hiss = np.random.default_rng(0).standard_normal(len(t))
    return (level * (hum + 0.3 * hiss)).astype(np.float32)


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_holds_the_sound(tmp_path: Path, suffix: str) -> None:
    name, widths = FORMATS[suffix]
    audio = noise(1.0)
    for bits, subtype in widths.items():
        file = tmp_path / f"{bits}{suffix}"
        write_audio(file, audio, 16000, Finish(bits=bits))  # type: ignore[arg-type]
        info = soundfile.info(file)
        assert (info.format, info.subtype, info.samplerate) == (name, subtype, 16000)
        back = soundfile.read(file)[0][:16000]
        start = round(np.correlate(back[2000:12000], audio[4000:8000]).argmax()) - 2000
        back = np.roll(back, -start)  # MP3 begins late
        lossy = suffix in (".ogg", ".mp3")
        assert np.abs(back - audio)[500:-2000].max() < (0.1 if lossy else 2**-15)


def test_what_a_format_cannot_hold_is_said_in_one_line() -> None:
    with pytest.raises(WavegenError, match=r"--bits 24: \.ogg files take 16"):
        encode(noise(0.1), ".ogg", 16000, Finish(bits="24"))
    with pytest.raises(WavegenError, match=r"\.mp3 files can't hold 96000 Hz: MPEG"):
        encode(noise(0.1), ".mp3", 96000)
    with pytest.raises(WavegenError, match=r"\.flac files can't hold 200001 Hz: "):
        encode(noise(0.1), ".flac", 200_001)
    assert encode(noise(0.1), ".ogg", 200_000)
    with pytest.raises(
        WavegenError, match=r"\.ogg files can't hold 200001 Hz: Vorbis takes 200000"
    ):
        encode(noise(0.1), ".ogg", 200_001)


@pytest.mark.parametrize("target", [8000, 22050, 44100])
def test_in_pieces_or_whole_the_sound_is_finished_alike(target: int) -> None:
    audio = noise(0.7, level=0.4)
    finish = Finish(sample_rate=target, volume=3.0, fade=0.01)
    whole = apply_finish(audio, 16000, finish)
    cuts = np.sort(np.random.default_rng(1).integers(0, len(audio), 20))
    pieces = np.concatenate([*finish_stream(np.split(audio, cuts), 16000, finish)])
    assert np.abs(whole - pieces).max() < 1e-6
    assert abs(len(whole) - 0.7 * target) <= 2
    assert np.abs(whole).max() == 1.0  # volume clips


@pytest.mark.parametrize("seconds", [0.0, 0.004, 0.012, 0.5])
def test_fades_ramp_both_ends_and_leave_the_middle(seconds: float) -> None:
    audio = np.ones(round(seconds * 8000), np.float32)
    out = apply_finish(audio, 8000, Finish(fade=0.005))
    assert len(out) == len(audio)
    assert np.array_equal(out, out[::-1])
    if seconds > 0.01:
        assert out[0] < 0.02
        assert np.all(np.diff(out[:41]) > 0)
        assert np.all(out[40:-40] == 1)


@pytest.mark.parametrize("seconds", [0.1, 0.39, 0.4, 5.0])
def test_loudness_is_brought_to_the_target(seconds: float) -> None:
    out = apply_finish(noise(seconds), 16000, Finish(normalize=-23.0, fade=0.0))
    long = np.resize(out, 5 * 16000)
    assert float(loudness(torch.from_numpy(long)[None], 16000)) == pytest.approx(-23, abs=0.5)


def test_silence_stays_silence_and_no_peak_is_clipped_for_loudness() -> None:
    silence = np.zeros(16000, np.float32)
    assert not apply_finish(silence, 16000, Finish(normalize=-23.0)).any()
    faint = noise(1.0, level=1e-7)  # below the gate
    assert np.abs(apply_finish(faint, 16000, Finish(normalize=-23.0))).max() < 1e-5
    click = silence.copy()
    click[8000] = 0.5
    assert apply_finish(click, 16000, Finish(normalize=-10.0)).max() <= 1.0


def test_a_pipes_samples_are_those_of_a_file() -> None:
    audio = np.concatenate([noise(1.0, level=0.4), np.float32([1, -1, 0, 1e-9, -1e-9])])
    data, _ = soundfile.read(io.BytesIO(encode(audio, ".wav", 8000)), dtype="int16")
    assert pcm(audio) == data.astype("<i2").tobytes()
    read, rate = soundfile.read(io.BytesIO(wav_header(8000) + pcm(audio)), dtype="int16")
    assert rate == 8000
    assert np.array_equal(read, data)


def test_a_failed_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, np.zeros(10, np.float32), 8000)
    before = path.read_bytes()
    with pytest.raises(WavegenError, match=r"can't hold -1 Hz: Format not recognised"):
        write_audio(path, np.zeros(10, np.float32), -1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WavegenError, match=r"can't write .*a\.wav: No space left"):
        write_audio(path, np.zeros(10, np.float32), 8000)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]
