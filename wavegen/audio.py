"""Reading, resampling and trimming audio files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wavegen.errors import DataError

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64")
"""What is read."""
UNREADABLE = (".m4a", ".aac", ".mp4", ".wma", ".webm", ".amr", ".ape", ".wv")
"""Audio that libsndfile can't decode; it is listed as left out, never passed over."""


@dataclass(frozen=True)
class Recording:
    """A decoded file: mono float32 in [-1, 1] at the rate that was asked for."""

    audio: NDArray[np.float32]
    sample_rate: int
    source_rate: int
    channels: int
    format: str
    clipped: int
    """Samples that lay beyond ±1 after decoding and resampling, and were clipped."""
    trimmed: float
    """Seconds of silence cut off at the ends."""


def read_audio(path: Path, sample_rate: int, trim_db: float = 0.0) -> Recording:
    """Decode any file libsndfile reads: every rate, width and channel count.

    Channels are averaged, the rate is changed by `torchaudio.functional.resample` (windowed
    sinc), and silence more than ``trim_db`` below the peak is cut off both ends (0: not at all).

    Raises:
        DataError: the file is missing, empty, no audio, or holds NaN or infinite samples.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as f:
            source_rate, channels = f.samplerate, f.channels
            kind = f"{f.format}/{f.subtype}"
            audio = f.read(dtype="float32", always_2d=True).mean(axis=1)
    except (soundfile.SoundFileError, OSError, MemoryError) as e:  # a header may claim anything
        reason = str(e).rsplit("\n", 1)[-1].removeprefix(f"Error opening {str(path)!r}: ")
        if path.is_file() and path.stat().st_size == 0:
            reason = "the file is empty"
        raise DataError(f"can't read {path} as audio: {reason}") from e
    if audio.size == 0:
        raise DataError(f"{path} holds no samples")
    if not np.isfinite(audio).all():
        raise DataError(f"{path} holds NaN or infinite samples")
    if source_rate != sample_rate:
        import torch
        import torchaudio.functional as AF

        audio = AF.resample(torch.from_numpy(audio), source_rate, sample_rate).numpy()
    trimmed = 0.0
    if trim_db > 0:
        import librosa

        kept, _ = librosa.effects.trim(
            audio, top_db=trim_db, frame_length=sample_rate // 40, hop_length=sample_rate // 200
        )
        trimmed = (audio.size - kept.size) / sample_rate
        audio = kept
    clipped = int(np.count_nonzero(np.abs(audio) > 1.0))
    audio = np.clip(audio, -1.0, 1.0).astype(np.float32)
    return Recording(audio, sample_rate, source_rate, channels, kind, clipped, trimmed)
