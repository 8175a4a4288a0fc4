"""Sound to files, in the format of their suffix, and to pipes."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.loudness import BLOCK, loudness
from wavegen.errors import WavegenError
from wavegen.files import write_file
from wavegen.request import Finish

Audio = NDArray[np.float32]

PCM = {"16": "PCM_16", "24": "PCM_24"}
FORMATS: dict[str, tuple[str, dict[str, str]]] = {
    ".wav": ("WAV", {**PCM, "float": "FLOAT"}),
    ".flac": ("FLAC", PCM),
    ".ogg": ("OGG", {"16": "VORBIS"}),
    ".mp3": ("MP3", {"16": "MPEG_LAYER_III"}),
    ".aiff": ("AIFF", {**PCM, "float": "FLOAT"}),
}
"""libsndfile's names of what is written: of a suffix, and of its samples by their width."""
SUFFIXES = tuple(FORMATS)
VORBIS_RATE = 200_000
"""Hz; libsndfile's encoder crashes above."""

PLAIN = Finish()


def finish_stream(pieces: Iterable[Audio], rate: int, finish: Finish = PLAIN) -> Iterator[Audio]:
    """Finish sound while it is being made: all of ``finish`` but the loudness, which depends on
    all of the sound.

    Args:
        pieces: mono float32, one after the other.
        rate: of the pieces, in Hz.
        finish: what to do.
    """
    pieces = _faded(pieces, round(finish.fade * rate))
    if finish.rate(rate) != rate:
        pieces = _resampled(pieces, rate, finish.rate(rate))
    for piece in pieces:
        if len(piece):
            yield np.clip(piece * np.float32(finish.volume), -1, 1)


def apply_finish(audio: Audio, rate: int, finish: Finish = PLAIN) -> Audio:
    """Apply all of ``finish`` to a complete sound; (T,) mono float32 at ``rate`` Hz."""
    if finish.normalize is not None:
        audio = audio * np.float32(_gain(audio, rate, finish.normalize))
    return np.concatenate([audio[:0], *finish_stream([audio], rate, finish)])


def _faded(pieces: Iterable[Audio], length: int) -> Iterator[Audio]:
    ramp: Audio = ((np.arange(length) + 0.5) / max(length, 1)).astype(np.float32)
    held = np.empty(0, np.float32)  # may turn out to be the end
    done = 0
    for piece in pieces:
        rising = ramp[done : done + len(piece)]
        done += len(piece)
        piece = np.concatenate([piece[: len(rising)] * rising, piece[len(rising) :]])
        held = np.concatenate([held, piece])
        ready = max(0, len(held) - length)
        yield held[:ready]
        held = held[ready:]
    yield held * ramp[: len(held)][::-1]


def _resampled(pieces: Iterable[Audio], rate: int, target: int) -> Iterator[Audio]:
    import soxr

    stream = soxr.ResampleStream(rate, target, 1, "float32")
    for piece in pieces:
        yield stream.resample_chunk(piece)
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)


def _gain(audio: Audio, rate: int, target: float) -> float:
    """Gain that brings sound to a loudness, in LUFS; 1 for silence."""
    peak = float(np.abs(audio).max(initial=0.0))
    if not peak:
        return 1.0
    # A clip that is too short is repeated: padding it with silence would make it louder.
    audio = np.resize(audio, max(len(audio), round(BLOCK * rate)))
    found = loudness(audio, rate)
    if not np.isfinite(found):  # under the gate
        return 1.0
    return float(min(10 ** ((target - found) / 20), 1 / peak))


@lru_cache
def check_finish(suffix: str, rate: int, finish: Finish) -> None:
    """Raise `WavegenError` if a format can't hold such samples."""
    encode(np.zeros(rate // 100, np.float32), suffix, rate, finish)


def encode(audio: Audio, suffix: str, rate: int, finish: Finish = PLAIN) -> bytes:
    """The bytes of a file of finished sound, (T,) mono at ``rate`` Hz, in the format of a suffix.

    Raises:
        WavegenError: the format can't hold such samples.
    """
    import soundfile

    name, subtypes = FORMATS[suffix.lower()]
    if finish.bits not in subtypes:
        raise WavegenError(f"--bits {finish.bits}: {suffix} files take {' or '.join(subtypes)}")
    if name == "OGG" and rate > VORBIS_RATE:
        raise WavegenError(
            f"{suffix} files can't hold {rate} Hz: Vorbis takes {VORBIS_RATE} Hz at most"
        )
    file = io.BytesIO()
    try:
        soundfile.write(file, audio, rate, format=name, subtype=subtypes[finish.bits])
    except (soundfile.SoundFileError, TypeError, ValueError) as e:
        reason = getattr(e, "error_string", str(e)).removeprefix("Error : ")
        raise WavegenError(f"{suffix} files can't hold {rate} Hz: {reason}") from e
    return file.getvalue()


def encode_pcm(samples: NDArray[np.int16], suffix: str, rate: int) -> bytes:
    """The bytes of a lossless file of 16-bit samples, (T, channels), as they are.

    Raises:
        WavegenError: the format can't hold them.
    """
    import soundfile

    file = io.BytesIO()
    try:
        soundfile.write(file, samples, rate, format=FORMATS[suffix.lower()][0], subtype="PCM_16")
    except (soundfile.SoundFileError, TypeError, ValueError) as e:
        reason = getattr(e, "error_string", str(e)).removeprefix("Error : ")
        raise WavegenError(f"{suffix} files can't hold {rate} Hz: {reason}") from e
    return file.getvalue()


def write_audio(
    path: Path, audio: Audio, rate: int, finish: Finish = PLAIN, replace: bool = True
) -> None:
    """Finish and write mono sound; ``rate`` is its own, in Hz.

    The file appears complete or not at all.

    Raises:
        WavegenError: it can't be written, or not ``replace`` and it exists.
    """
    audio = apply_finish(audio, rate, finish)
    write_file(path, encode(audio, path.suffix, finish.rate(rate), finish), replace)


def pcm(audio: Audio) -> bytes:
    """Finished sound as 16-bit little-endian samples, those that libsndfile would write: it keeps
    the upper half of 32 bits."""
    wide = np.rint(audio.astype(np.float64) * 2**31).clip(-(2**31), 2**31 - 1).astype(np.int32)
    return (wide >> 16).astype("<i2").tobytes()


def wav_header(rate: int) -> bytes:
    """Header of a WAV file of unknown length, to be followed by `pcm`; for pipes, which libsndfile
    can't write to. Both lengths are the largest possible, as is customary."""
    most = 0xFFFFFFFF
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)  # PCM, mono
    riff = struct.pack("<4sI4s4sI", b"RIFF", most, b"WAVE", b"fmt ", len(form))
    return riff + form + struct.pack("<4sI", b"data", most)
