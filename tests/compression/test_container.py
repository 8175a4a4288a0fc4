"""The compressed file."""

import struct
import zlib

import numpy as np
import pytest

from wavegen.compression.container import Code, Compressed
from wavegen.errors import DataError

WHOLE = Compressed(
    8000,
    3,
    bytes(range(16)),
    123,
    2**32 - 1,
    (Code(-32768, 32767, np.array([1, 2**32 - 1], np.uint32)), Code(0, 0, np.zeros(0, np.uint32))),
)


def test_a_file_is_read_as_it_was_written() -> None:
    read = Compressed.from_bytes(WHOLE.to_bytes(), "x.wvg")
    assert read.to_bytes() == WHOLE.to_bytes()
    assert [c.words.tolist() for c in read.channels] == [[1, 2**32 - 1], []]
    assert (read.sample_rate, read.samples, read.probe) == (8000, 3, 123)


def test_a_file_that_is_cut_off_or_changed_anywhere_is_an_error() -> None:
    data = WHOLE.to_bytes()
    odd = [data[:n] for n in range(len(data))]
    odd += [data[:n] + bytes([data[n] ^ 16]) + data[n + 1 :] for n in range(len(data))]
    for broken in [*odd, data + b"\0"]:
        with pytest.raises(DataError, match=r"^x\.wvg"):
            Compressed.from_bytes(broken, "x.wvg")


@pytest.mark.parametrize(
    ("at", "form", "value"),
    [(4, "B", 0), (4, "B", 3), (5, "I", 0), (9, "Q", 2**40), (41, "h", -32768), (45, "I", 2**31)],
)
def test_odd_values_with_a_right_checksum_are_an_error(at: int, form: str, value: int) -> None:
    data = bytearray(WHOLE.to_bytes()[:-4])
    struct.pack_into(f"<{form}", data, at, value)
    if form == "h":  # the greatest sample below the least
        struct.pack_into("<h", data, at, 5)
        struct.pack_into("<h", data, at + 2, 4)
    broken = bytes(data) + struct.pack("<I", zlib.crc32(data))
    with pytest.raises(DataError, match="damaged"):
        Compressed.from_bytes(broken, "x.wvg")
