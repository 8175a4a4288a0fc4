"""Decoding sound: by libsndfile, and what it doesn't know by PyAV or ffmpeg where there is one."""

from __future__ import annotations

import io
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from wavegen.errors import DataError

KNOWN = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".aif", ".aiff", ".aifc"),
    *(".au", ".snd", ".caf", ".w64", ".rf64", ".sph", ".voc"),
)
"""Suffixes of formats that libsndfile decodes."""
FOREIGN = (
    *(".m4a", ".m4b", ".aac", ".mp4", ".mov", ".3gp", ".3ga", ".amr", ".awb", ".webm", ".mka"),
    *(".mkv", ".wma", ".ape", ".wv", ".tta", ".spx", ".ac3", ".g722", ".gsm"),
)
"""Suffixes of formats that take PyAV or ffmpeg."""
BLOCK = 1 << 18
"""Frames decoded at a time."""
_FAILURES = (OSError, RuntimeError, MemoryError, TypeError, ValueError, ArithmeticError)
"""What decoders raise of a file that may claim anything of itself."""


@dataclass(frozen=True)
class Sound:
    """A decoded file."""

    audio: NDArray[np.float32]
    """(T,) mean of the channels."""
    sample_rate: int
    channels: int
    format: str
    """Container and codec."""


def decode(path: Path) -> Sound:
    """Decode a file of any format, at its own rate; full scale is ±1.

    Raises:
        DataError: it is missing, empty, not audio, or in a format that can't be decoded here.
    """
    reason = _no_content(path)
    if not reason:
        try:
            return _libsndfile(path)
        except _FAILURES as e:
            reason = getattr(e, "error_string", str(e)).rstrip(".")
        decoder = _pyav() or _ffmpeg()
        if decoder is not None:
            try:
                return decoder(path)
            except _FAILURES as e:
                # What another decoder says of a format that it does not know tells less.
                reason = str(e) if path.suffix.lower() in FOREIGN else reason
        elif path.suffix.lower() in FOREIGN or "format" in reason:
            convert = shlex.join(["ffmpeg", "-i", str(path), str(path.with_suffix(".wav"))])
            reason = f"that takes PyAV (wavegen[media]) or ffmpeg; to convert it: {convert}"
    raise DataError(f"can't read {path} as audio: {reason}")


def _no_content(path: Path) -> str:
    """Why there is nothing to decode; empty if there is something."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return "it is a broken link" if path.is_symlink() else "there is no such file"
    except OSError as e:  # such as a name that is too long
        return e.strerror or str(e)
    if path.is_dir():
        return "it is a folder"
    if not path.is_file():
        return "it is a pipe or a device"  # which may never end
    return "" if size else "the file is empty"


def _libsndfile(file: Path | BinaryIO) -> Sound:
    import soundfile

    with soundfile.SoundFile(file) as f:

        def blocks() -> Iterator[NDArray[np.float32]]:  # some codecs don't tell the length
            while len(block := f.read(BLOCK, "float32", always_2d=True)):
                yield block.mean(axis=1)

        audio = _joined(blocks())
        return Sound(audio, f.samplerate, f.channels, f"{f.format}/{f.subtype}")


def _joined(blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate([np.zeros(0, np.float32), *blocks])


def _pyav() -> Callable[[Path], Sound] | None:
    """The decoder of PyAV, if it is installed."""
    try:
        import av
    except ImportError:
        return None

    def decode(path: Path) -> Sound:
        try:
            # Explicitly a file, or a name with a colon would be an address.
            with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
                if not container.streams.audio:
                    raise ValueError("it has no audio")
                stream = container.streams.audio[0]
                codec = stream.codec_context
                even = av.AudioResampler("fltp", codec.layout, codec.sample_rate)
                frames = (f for frame in container.decode(stream) for f in even.resample(frame))
                audio = _joined(f.to_ndarray().mean(axis=0) for f in frames)
                name = f"{container.format.name.partition(',')[0]}/{codec.name}".upper()
                return Sound(audio, codec.sample_rate, codec.channels, name)
        except av.FFmpegError as e:
            raise ValueError(e.strerror) from e

    return decode


def _ffmpeg() -> Callable[[Path], Sound] | None:
    """The decoder of the ffmpeg program, if there is one."""
    program = shutil.which("ffmpeg")
    if program is None:
        return None

    def decode(path: Path) -> Sound:
        quiet = [program, "-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe"]
        as_wav = ["-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "-"]
        done = subprocess.run([*quiet, "-i", f"file:{path}", *as_wav], capture_output=True)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise ValueError(f"ffmpeg: {said[-1]}")
        sound = _libsndfile(io.BytesIO(done.stdout))
        return replace(sound, format=f"{path.suffix[1:].upper()}/ffmpeg")

    return decode
