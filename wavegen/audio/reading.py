"""Reading, resampling and trimming audio files."""

from __future__ import annotations

import logging
import os
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wavegen.audio.decoding import FOREIGN, KNOWN, decode
from wavegen.audio.librosa_cache import one_process_compiles
from wavegen.errors import DataError

SUFFIXES = (*KNOWN, *FOREIGN)
"""Suffixes of audio files."""
LEAST_RATE = 1000
"""Hz; less is no sound."""
UNKNOWN = 0x7FFF0000
"""From this many bytes on, the length in a WAV header means unknown, as written into pipes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    """A decoded file: mono float32 in [-1, 1] at the requested rate."""

    audio: NDArray[np.float32]
    sample_rate: int
    source_rate: int
    channels: int
    format: str
    clipped: int
    """Number of samples beyond ±1 after decoding and resampling, which were clipped."""
    trimmed: float
    """Seconds of silence trimmed at both ends."""


def read_audio(
    path: Path, sample_rate: int, trim_db: float = 0.0, padding: float = 0.0
) -> Recording:
    """Read an audio file of any format that `decode` knows, at any rate, width and channel count.

    Channels are averaged, and the rate is converted by libsoxr.

    Args:
        path: the file.
        sample_rate: Hz of the returned audio.
        trim_db: trim silence at both ends that lies this many dB below the peak (0: no trimming).
        padding: seconds of digital silence that are then put after it.

    Raises:
        DataError: the file is missing, empty, not audio, or contains NaN or infinite samples.
    """
    sound = decode(path)
    audio, source_rate = sound.audio, sound.sample_rate
    if audio.size == 0:
        raise DataError(f"{path} holds no samples")
    if not np.isfinite(audio).all():
        raise DataError(f"{path} holds NaN or infinite samples")
    if source_rate < LEAST_RATE:
        raise DataError(f"{path} has a sample rate of {source_rate} Hz, below {LEAST_RATE} Hz")
    if source_rate != sample_rate:
        import soxr

        audio = soxr.resample(audio, source_rate, sample_rate)
    trimmed = 0.0
    if trim_db > 0:
        with one_process_compiles("trim"):
            import librosa

            kept, _ = librosa.effects.trim(
                audio, top_db=trim_db, frame_length=sample_rate // 40, hop_length=sample_rate // 200
            )
        trimmed = (audio.size - kept.size) / sample_rate
        audio = kept
    if path.suffix.lower() == ".wav":
        _warn_of_cut(path)
    clipped = int(np.count_nonzero(np.abs(audio) > 1.0))
    audio = np.clip(audio, -1.0, 1.0).astype(np.float32)
    audio = np.pad(audio, (0, round(padding * sample_rate)))
    return Recording(
        audio, sample_rate, source_rate, sound.channels, sound.format, clipped, trimmed
    )


@cache  # once for each file
def _warn_of_cut(path: Path) -> None:
    """Warn if a WAV header announces more audio than the file holds, as after a broken download."""
    with path.open("rb") as f:
        size = f.seek(0, os.SEEK_END)
        f.seek(0)
        if not f.read(12).startswith(b"RIFF"):
            return
        while len(head := f.read(8)) == 8:
            name, length = struct.unpack("<4sI", head)
            missing = f.tell() + length - size
            if name == b"data":
                if missing > 0 and length < UNKNOWN:
                    log.warning("%s is cut off: %.1f%% is missing", path, 100 * missing / length)
                return
            f.seek(length + length % 2, os.SEEK_CUR)
