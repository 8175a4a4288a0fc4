"""Files of samples to compressed files and back."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wavegen.compression.channel import Samples, decode, encode, probe
from wavegen.compression.container import MOST_CHANNELS, MOST_SAMPLES, Compressed
from wavegen.errors import DataError, VoiceError
from wavegen.generation.numba.layout import Network
from wavegen.generation.numba.packing import pack
from wavegen.voice import Voice

VOICE_BYTES = 16
Progress = Callable[[int, int], None]
"""Called with (samples done, samples)."""


@dataclass(frozen=True)
class Pcm:
    """The samples of a file."""

    samples: Samples
    """(T, C)."""
    sample_rate: int


def read_pcm(path: Path) -> Pcm:
    """The samples of a lossless 16-bit file.

    Raises:
        DataError: it can't be read, or its samples are not of 16 bits.
    """
    import soundfile

    if not path.is_file():
        raise DataError(f"no recording {path}")
    try:
        with soundfile.SoundFile(path) as f:
            if f.subtype != "PCM_16":
                raise DataError(f"{path} holds {f.subtype} samples; compress takes 16-bit PCM")
            if f.channels > MOST_CHANNELS:
                raise DataError(f"{path} has {f.channels} channels; compress takes one or two")
            if f.frames > MOST_SAMPLES:
                raise DataError(f"{path} is too long to compress")
            return Pcm(f.read(dtype="int16", always_2d=True), f.samplerate)
    except soundfile.SoundFileError as e:
        reason = getattr(e, "error_string", str(e)).rstrip(".")
        raise DataError(f"can't read {path} as audio: {reason}") from e


def check_voice(voice: Voice) -> None:
    """Raise `VoiceError` if a voice can't compress."""
    if not voice.config.audio.adaptive:
        raise VoiceError(
            f"voice {voice.name} can't compress: train one with wavegen train --recipe compression"
        )


def compress(
    voice: Voice, pcm: Pcm, name: str, progress: Progress = lambda done, total: None
) -> Compressed:
    """Compress samples.

    Args:
        voice: one trained with ``audio.adaptive``.
        pcm: at the voice's rate.
        name: what errors call it.
        progress: called on the way.

    Raises:
        VoiceError: the voice can't compress.
        DataError: the samples have another rate.
    """
    net = _network(voice)
    if pcm.sample_rate != voice.sample_rate:
        raise DataError(
            f"{name} has {pcm.sample_rate} Hz; voice {voice.name} compresses "
            f"{voice.sample_rate} Hz only"
        )
    told = _counting(progress, pcm.samples.size)
    channels = [np.ascontiguousarray(c) for c in pcm.samples.T]
    with ThreadPoolExecutor(len(channels)) as pool:
        codes = tuple(pool.map(lambda c: encode(net, c, told), channels))
    return Compressed(
        pcm.sample_rate,
        len(pcm.samples),
        _digest(voice),
        probe(net),
        _checksum(pcm.samples),
        codes,
    )


def decompress(
    voice: Voice, data: Compressed, name: str, progress: Progress = lambda done, total: None
) -> Pcm:
    """Decompress samples.

    Args:
        voice: the one that compressed them.
        data: from `compress`.
        name: what errors call it.
        progress: called on the way.

    Raises:
        VoiceError: it is another voice, or this machine computes other probabilities with it.
        DataError: what comes out is not what was compressed.
    """
    if data.voice != _digest(voice):
        raise VoiceError(f"{name} was compressed with another voice than {voice.name}")
    net = _network(voice)
    if data.probe != probe(net):
        raise VoiceError(
            f"{name} can't be decompressed here: this machine or this version of wavegen computes "
            "other probabilities than the one that compressed it"
        )
    told = _counting(progress, data.samples * len(data.channels))
    broken = DataError(f"{name} can't be decompressed: its samples do not match their checksum")
    try:
        with ThreadPoolExecutor(len(data.channels)) as pool:
            channels = pool.map(lambda c: decode(net, c, data.samples, told), data.channels)
            samples = np.stack([*channels], 1)
    except AssertionError as e:  # what the range decoder raises of an impossible code
        raise broken from e
    if _checksum(samples) != data.checksum:
        raise broken
    return Pcm(samples, data.sample_rate)


def _network(voice: Voice) -> Network:
    check_voice(voice)
    return pack(voice.network, voice.config.hop_length, "int8")


def _digest(voice: Voice) -> bytes:
    return bytes.fromhex(voice.digest)[:VOICE_BYTES]


def _checksum(samples: Samples) -> int:
    return zlib.crc32(samples.astype("<i2").tobytes())


def _counting(progress: Progress, total: int) -> Callable[[int], None]:
    done = 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    return told
