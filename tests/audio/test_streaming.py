"""Encoding sound while it is made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from wavegen.audio.decoding import decode
from wavegen.audio.streaming import StreamFormat, check_stream, encode_stream, stream_rate
from wavegen.audio.writing import Audio, encode, pcm
from wavegen.errors import WavegenError

FORMS = get_args(StreamFormat)
RATE = 16000
SOUND: Audio = (0.3 * np.sin(np.arange(3 * RATE) * 0.05)).astype(np.float32)


def encoded(form: StreamFormat, size: int) -> bytes:
    pieces = (SOUND[i : i + size] for i in range(0, len(SOUND), size))
    return b"".join(encode_stream(pieces, form, RATE))


@pytest.mark.parametrize("form", [f for f in FORMS if f != "pcm"])
def test_pieces_become_a_file(form: StreamFormat, tmp_path: Path) -> None:
    file = tmp_path / f"sound.{form}"
    file.write_bytes(encoded(form, 777))
    sound = decode(file)
    assert sound.sample_rate == RATE
    assert 0 <= len(sound.audio) - len(SOUND) < 3000
    level = np.sqrt(np.mean(sound.audio[4000:40000] ** 2))
    assert level == pytest.approx(0.3 / 2**0.5, rel=0.06)


def test_formats_without_loss_hold_the_same_samples_as_a_file() -> None:
    assert encoded("pcm", 800) == pcm(SOUND)
    assert encoded("wav", 777)[44:] == pcm(SOUND)
    assert encoded("flac", 800) == encode(SOUND, ".flac", RATE)


@pytest.mark.parametrize("form", [f for f in FORMS if f != "flac"])
def test_bytes_come_before_the_sound_has_ended(form: StreamFormat) -> None:
    def endless() -> Iterator[Audio]:
        while True:
            yield SOUND[:800]

    chunks = encode_stream(endless(), form, RATE)
    assert sum(len(next(chunks)) for _ in range(30)) > 200


def test_a_format_holds_a_rate_or_the_next_one_that_it_knows() -> None:
    assert [stream_rate("opus", r) for r in (8000, 22050, 48000, 96000)] == [
        *(8000, 24000, 48000, 48000),
    ]
    assert stream_rate("mp3", 15000) == 16000
    assert stream_rate("wav", 15000) == 15000


def test_aac_without_pyav_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(WavegenError, match=r"wavegen\[media\]"):
        check_stream("aac")
