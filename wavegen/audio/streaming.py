"""Sound to bytes while it is made, for pipes and connections: what is written is never changed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from wavegen.audio.writing import Audio, encode, pcm, wav_header
from wavegen.errors import WavegenError

StreamFormat = Literal["wav", "pcm", "flac", "mp3", "opus", "aac"]
RATES: dict[StreamFormat, tuple[int, ...]] = {
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    "opus": (8000, 12000, 16000, 24000, 48000),
    "aac": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000),
}
"""Sample rates of formats that don't take all, in Hz."""


def stream_rate(form: StreamFormat, rate: int) -> int:
    """The rate at which a format holds sound of ``rate`` Hz: the same, or the next higher one that
    it knows."""
    known = RATES.get(form, (rate,))
    return next((r for r in known if r >= rate), known[-1])


def encode_stream(pieces: Iterable[Audio], form: StreamFormat, rate: int) -> Iterator[bytes]:
    """Encode finished sound piece by piece, some of which give no bytes yet.

    WAV tells no length. FLAC comes in one piece at the end, since many programs can't read one
    that tells no length. Opus comes in an Ogg stream, in pages of a second. MP3 has a constant bit
    rate, from which programs tell its length.

    Args:
        pieces: mono float32.
        form: the format; AAC in ADTS frames.
        rate: of the pieces, in Hz; one of `RATES` where there are some.

    Raises:
        WavegenError: AAC, and PyAV is not installed.
    """
    return _ENCODERS[form](pieces, rate)


def check_stream(form: StreamFormat) -> None:
    """Raise `WavegenError` if a format can't be made here."""
    if form == "aac":
        _av()


def _pcm(pieces: Iterable[Audio], rate: int) -> Iterator[bytes]:
    return map(pcm, pieces)


def _wav(pieces: Iterable[Audio], rate: int) -> Iterator[bytes]:
    header = wav_header(rate)
    for piece in pieces:
        yield header + pcm(piece)
        header = b""
    yield header


def _flac(pieces: Iterable[Audio], rate: int) -> Iterator[bytes]:
    import numpy as np

    yield encode(np.concatenate([np.zeros(0, np.float32), *pieces]), ".flac", rate)


def _mp3(pieces: Iterable[Audio], rate: int) -> Iterator[bytes]:
    quality = {"bitrate_mode": "CONSTANT", "compression_level": 0.5}
    return _soundfile(pieces, rate, "MP3", "MPEG_LAYER_III", headless=True, **quality)


def _opus(pieces: Iterable[Audio], rate: int) -> Iterator[bytes]:
    return _soundfile(pieces, rate, "OGG", "OPUS")


def _soundfile(
    pieces: Iterable[Audio],
    rate: int,
    form: str,
    subtype: str,
    headless: bool = False,
    **how: Any,
) -> Iterator[bytes]:
    """By libsndfile; ``headless`` without what it writes first, to be replaced at the end."""
    import soundfile

    sink = _Sink()
    with soundfile.SoundFile(sink, "w", rate, 1, subtype, format=form, **how) as file:
        for piece in pieces:
            file.write(piece)
            new = sink.take()
            if headless and new:
                new, headless = new[sink.first :], False
            yield new
    yield sink.take()


def _aac(pieces: Iterable[Audio], rate: int) -> Iterator[bytes]:
    av, sink = _av(), _Sink()
    with av.open(sink, "w", format="adts") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        done = 0
        for piece in pieces:
            frame = av.AudioFrame.from_ndarray(piece[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, done
            done += len(piece)
            container.mux(stream.encode(frame))
            yield sink.take()
        container.mux(stream.encode(None))
    yield sink.take()


def _av() -> Any:
    try:
        import av
    except ImportError as e:
        raise WavegenError("AAC needs PyAV: pip install 'wavegen[media]'") from e
    return av


_ENCODERS: dict[StreamFormat, Callable[[Iterable[Audio], int], Iterator[bytes]]] = {
    "wav": _wav,
    "pcm": _pcm,
    "flac": _flac,
    "mp3": _mp3,
    "opus": _opus,
    "aac": _aac,
}


class _Sink(io.RawIOBase):
    """A file that gives away what is written at its end, and ignores what is written before it."""

    def __init__(self) -> None:
        self._new = bytearray()
        self._position = self._length = 0
        self.first = 0
        """Bytes of the first write."""

    def take(self) -> bytes:
        """What is new."""
        new, self._new = bytes(self._new), bytearray()
        return new

    def write(self, data: Any) -> int:
        data = bytes(data)
        self.first = self.first or len(data)
        if self._position == self._length:
            self._new += data
        self._position += len(data)
        self._length = max(self._length, self._position)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._length)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
