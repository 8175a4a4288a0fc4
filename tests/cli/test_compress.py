"""`wavegen compress` and `wavegen decompress`."""

from collections.abc import Callable
from pathlib import Path

import compressors
import numpy as np
import pytest
import soundfile
from helpers import DIGITS, UNREADABLE, Result, one_clear_line, spoil

SOURCE = DIGITS / "7_jackson_12.wav"
Cli = Callable[..., Result]


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a voice for 8 kHz."""
    path = tmp_path_factory.mktemp("voices") / "small.safetensors"
    compressors.compressor(path)
    return path


def test_a_recording_comes_back(cli: Cli, tmp_path: Path, file: Path) -> None:
    small, back = tmp_path / "seven.wvg", tmp_path / "back.wav"
    done = cli("compress", SOURCE, "--voice", file, "-o", small)
    assert done.code == 0, done.err
    assert "bits per sample" in done.out
    assert small.stat().st_size < 0.65 * SOURCE.stat().st_size
    one_clear_line(cli("compress", SOURCE, "--voice", file, "-o", small), "--force")
    assert cli("decompress", small, "--voice", file, "-o", back).code == 0
    assert soundfile.info(back).subtype == "PCM_16"
    assert np.array_equal(soundfile.read(back)[0], soundfile.read(SOURCE)[0])
    assert cli("decompress", small, "--voice", file, "-o", tmp_path / "back.flac").code == 0


@pytest.mark.parametrize(
    ("how", "said"),
    [
        *((how, "odd.wav") for how in UNREADABLE),
        *(("PCM_24", "PCM_24"), ("FLOAT", "16-bit PCM"), ("PCM_U8", "16-bit PCM")),
        *(("6 channels", "6 channels"), ("192 kHz", "192000 Hz"), ("missing", "no recording")),
    ],
)
def test_what_cannot_be_compressed_is_told(
    cli: Cli, tmp_path: Path, file: Path, how: str, said: str
) -> None:
    if how != "missing":
        spoil(tmp_path / "odd.wav", how)
    output = tmp_path / "odd.wvg"
    one_clear_line(cli("compress", tmp_path / "odd.wav", "--voice", file, "-o", output), said)
    assert not output.exists()


def test_other_voices_and_outputs_are_told(
    cli: Cli, tmp_path: Path, file: Path, tiny_voice_file: Path
) -> None:
    small = tmp_path / "seven.wvg"
    speaks = "--voice", tiny_voice_file
    one_clear_line(cli("compress", SOURCE, *speaks, "-o", small), "can't compress")
    one_clear_line(cli("compress", SOURCE, "--voice", file, "-o", tmp_path / "x.zip"), ".wvg")
    assert cli("compress", SOURCE, "--voice", file, "-o", small).code == 0
    back = tmp_path / "back.wav"
    one_clear_line(cli("decompress", small, *speaks, "-o", back), "another voice")
    one_clear_line(cli("decompress", SOURCE, "--voice", file, "-o", back), "not made by")
    one_clear_line(cli("decompress", tmp_path / "no.wvg", "--voice", file, "-o", back), "no.wvg")
    small.write_bytes(small.read_bytes()[:-100])
    one_clear_line(cli("decompress", small, "--voice", file, "-o", back), "cut off or damaged")
    assert not back.exists()
    out = "-o", tmp_path / "x.wav"
    one_clear_line(cli("synth", "--seconds", "1", "--voice", file, *out), "can't generate sound")
