"""The compressed file: what decompression must know, and the coded channels.

Little-endian: a header, for each channel the range of its samples, the length of its code and the
code itself, and the CRC-32 of all of this.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wavegen.errors import DataError

SUFFIX = ".wvg"
MAGIC = b"WVG\x01"
"""Name and version of the format."""
_HEADER = struct.Struct("<4sBIQ16sII")
_CHANNEL = struct.Struct("<hhI")
_CHECK = struct.Struct("<I")
MOST_CHANNELS = 2
MOST_SAMPLES = 2**30
"""Of a channel: a WAV file holds no more."""


@dataclass(frozen=True)
class Code:
    """One channel."""

    low: int
    """The least sample."""
    high: int
    """The greatest."""
    words: NDArray[np.uint32]
    """Of the range coder."""


@dataclass(frozen=True)
class Compressed:
    """A whole file."""

    sample_rate: int
    samples: int
    """Of each channel."""
    voice: bytes
    """(16,) first bytes of the SHA-256 of the voice's file."""
    probe: int
    """CRC-32 of probabilities that the voice gives a fixed signal: other machines must find the
    same."""
    checksum: int
    """CRC-32 of the samples."""
    channels: tuple[Code, ...]

    def to_bytes(self) -> bytes:
        parts = [
            _HEADER.pack(
                MAGIC,
                len(self.channels),
                self.sample_rate,
                self.samples,
                self.voice,
                self.probe,
                self.checksum,
            )
        ]
        for c in self.channels:
            parts += [_CHANNEL.pack(c.low, c.high, len(c.words)), c.words.astype("<u4").tobytes()]
        data = b"".join(parts)
        return data + _CHECK.pack(zlib.crc32(data))

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> Self:
        """Read a file's content.

        Raises:
            DataError: it is no such file, or not all of it is there as written; the message gives
                it this name.
        """
        if data[:3] != MAGIC[:3]:
            raise DataError(f"{name} was not made by wavegen compress")
        if data[: len(MAGIC)] != MAGIC:
            raise DataError(f"{name} is of another version of wavegen compress")
        whole, check = data[: -_CHECK.size], data[-_CHECK.size :]
        if check != _CHECK.pack(zlib.crc32(whole)):
            raise DataError(f"{name} is cut off or damaged: its checksum does not match")
        try:
            _, count, rate, samples, voice, probe, checksum = _HEADER.unpack_from(whole)
            if not (1 <= count <= MOST_CHANNELS and rate and samples <= MOST_SAMPLES):
                raise ValueError
            at, channels = _HEADER.size, []
            for _ in range(count):
                low, high, words = _CHANNEL.unpack_from(whole, at)
                at += _CHANNEL.size
                if low > high:
                    raise ValueError
                code = np.frombuffer(whole, "<u4", words, at).astype(np.uint32)
                channels.append(Code(low, high, code))
                at += code.nbytes
            if at != len(whole):
                raise ValueError
        except (struct.error, ValueError) as e:
            raise DataError(f"{name} is damaged") from e
        return cls(rate, samples, voice, probe, checksum, tuple(channels))
