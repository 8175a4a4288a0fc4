"""Containers and codecs, by whatever decodes them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from wavegen.audio.decoding import FOREIGN, KNOWN, decode
from wavegen.audio.reading import read_audio
from wavegen.errors import DataError

RATE = 16000
SINE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)

KINDS = [
    # Codecs that can't tell their length:
    (".wav", "WAV", "GSM610"),
    (".wav", "WAV", "G721_32"),
    (".wav", "WAV", "NMS_ADPCM_16"),
    (".aifc", "AIFF", "GSM610"),
    (".au", "AU", "G723_24"),
    (".w64", "W64", "GSM610"),
    # and others.
    (".wav", "WAV", "ALAW"),
    (".wav", "WAV", "ULAW"),
    (".wav", "WAV", "IMA_ADPCM"),
    (".wav", "WAV", "MS_ADPCM"),
    (".wav", "WAV", "PCM_U8"),
    (".wav", "WAVEX", "PCM_24"),
    (".WAV", "RF64", "PCM_16"),
    (".rf64", "RF64", "FLOAT"),
    (".aif", "AIFF", "PCM_S8"),
    (".aifc", "AIFF", "ALAW"),
    (".caf", "CAF", "PCM_16"),
    (".caf", "CAF", "ALAC_16"),
    (".opus", "OGG", "OPUS"),
    (".ogg", "OGG", "OPUS"),
    (".snd", "AU", "ULAW"),
    (".sph", "NIST", "PCM_16"),
    (".voc", "VOC", "PCM_U8"),
    (".mp3", "MP3", "MPEG_LAYER_III"),
]
FOREIGN_KINDS = [
    (".m4a", "aac", RATE),
    (".mp4", "aac", RATE),
    (".mov", "alac", RATE),
    (".webm", "libopus", 48000),
    (".mka", "flac", RATE),
    (".3gp", "libopencore_amrnb", 8000),
    (".amr", "libopencore_amrnb", 8000),
    (".aac", "aac", RATE),
    (".wma", "wmav2", RATE),
    (".wv", "wavpack", RATE),
    (".g722", "g722", RATE),
    (".ac3", "ac3", 48000),
    (".wav", "ac3", 48000),  # a suffix that libsndfile knows, and a codec that it doesn't
]


def is_sine(path: Path) -> bool:
    sound = decode(path)
    spectrum = np.abs(np.fft.rfft(sound.audio * np.hanning(len(sound.audio))))
    peak = spectrum.argmax() * sound.sample_rate / len(sound.audio)
    level = np.abs(sound.audio[len(sound.audio) // 4 : -len(sound.audio) // 4]).max()
    long_enough = 0.95 < len(sound.audio) / sound.sample_rate < 1.2  # codecs pad the ends
    return abs(peak - 440) < 4 and 0.35 < level < 0.65 and long_enough


def encode(path: Path, codec: str, rate: int) -> Path:
    """Write the sine by PyAV."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        if codec == "wmav2":
            stream.bit_rate = 64000
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate)
        frame = av.AudioFrame.from_ndarray(SINE[None], "fltp", "mono")
        frame.sample_rate = RATE
        fifo = av.AudioFifo()
        for f in [*resampler.resample(frame), *resampler.resample(None)]:
            f.pts = None
            fifo.write(f)
        size = stream.codec_context.frame_size or 1024
        while f := fifo.read(size, partial=True):
            container.mux(stream.encode(f))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("suffix", "form", "codec"), KINDS)
def test_what_libsndfile_decodes_is_read(
    tmp_path: Path, suffix: str, form: str, codec: str
) -> None:
    assert suffix.lower() in KNOWN
    soundfile.write(tmp_path / f"a{suffix}", SINE, RATE, format=form, subtype=codec)
    assert is_sine(tmp_path / f"a{suffix}")


@pytest.mark.parametrize(("suffix", "codec", "rate"), FOREIGN_KINDS)
def test_pyav_decodes_the_rest(tmp_path: Path, suffix: str, codec: str, rate: int) -> None:
    assert suffix in (*FOREIGN, ".wav")
    assert is_sine(encode(tmp_path / f"12:30 a{suffix}", codec, rate))


@pytest.fixture
def no_pyav(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Without PyAV, and an empty folder for programs."""
    monkeypatch.setitem(sys.modules, "av", None)
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return programs


def test_without_pyav_the_ffmpeg_program_decodes(tmp_path: Path, no_pyav: Path) -> None:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    (no_pyav / "ffmpeg").symlink_to(program)
    soundfile.write(tmp_path / "a.wav", SINE, RATE, subtype="FLOAT")
    made = [program, "-v", "error", "-i", tmp_path / "a.wav", tmp_path / "a.m4a"]
    subprocess.run(made, check=True)
    (tmp_path / "b.m4a").write_bytes(b"no sound")
    assert is_sine(tmp_path / "a.m4a")
    with pytest.raises(DataError, match=r"b\.m4a as audio: ffmpeg: .*Invalid data"):
        decode(tmp_path / "b.m4a")


@pytest.mark.usefixtures("no_pyav")
def test_without_a_decoder_the_command_that_converts_is_named(tmp_path: Path) -> None:
    (tmp_path / "my song.m4a").write_bytes(b"some sound")
    command = f"ffmpeg -i '{tmp_path}/my song.m4a' '{tmp_path}/my song.wav'"
    with pytest.raises(DataError, match=r"wavegen\[media\]\) or ffmpeg; to convert it: (.*)") as e:
        decode(tmp_path / "my song.m4a")
    assert str(e.value).endswith(command)


def odd_files(root: Path) -> list[Path]:
    """Files that are no audio, whatever their names say."""
    names = [f"{n}{s}" for n in ("text", "noise", "zeros") for s in (".wav", ".mp3", ".m4a")]
    noise = np.random.default_rng(0).bytes(5000)
    contents = {"text": b"Dear diary, ", "noise": noise, "zeros": bytes(5000)}
    for name in names:
        (root / name).write_bytes(contents[name.partition(".")[0]])
    with av.open(str(root / "silent.mp4"), "w") as film:
        stream = film.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        picture = av.VideoFrame(16, 16, "yuv420p")
        film.mux(stream.encode(picture))
        film.mux(stream.encode(None))
    os.mkfifo(root / "pipe.wav")
    (root / "link.flac").symlink_to(root / "nowhere")
    return [root / n for n in (*names, "silent.mp4", "pipe.wav", "link.flac")]


def test_what_is_no_audio_is_one_line_that_names_it(
    tmp_path: Path, tone: Callable[..., Path]
) -> None:
    for path in odd_files(tmp_path):
        with pytest.raises(DataError) as e:
            decode(path)
        assert str(e.value).startswith(f"can't read {path} as audio: ")
        assert "\n" not in str(e.value)
    whole = tone(tmp_path / "whole.wav").read_bytes()
    for cut in (1, 11, 20, 37, 43):
        (tmp_path / "cut.wav").write_bytes(whole[:cut])
        with pytest.raises(DataError, match=r"cut\.wav"):
            read_audio(tmp_path / "cut.wav", 8000)
