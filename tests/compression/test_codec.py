"""Compression without loss."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import compressors
import llvmlite.binding
import numpy as np
import pytest
from helpers import DIGITS

from wavegen.compression import codec
from wavegen.compression.channel import Channel
from wavegen.compression.codec import Pcm, compress, decompress, read_pcm
from wavegen.compression.container import Code, Compressed
from wavegen.errors import DataError, VoiceError
from wavegen.generation.numba.packing import pack
from wavegen.voice import Voice

RNG = np.random.default_rng(0)
SOUNDS = {
    "nothing": np.zeros((0, 1)),
    "one sample": np.full((1, 1), -32768),
    "silence": np.zeros((900, 1)),
    "a constant": np.full((300, 2), 32767),
    "loud noise": RNG.integers(-32768, 32768, (500, 1)),
    "faint noise in stereo": RNG.integers(-2, 3, (500, 2)),
    "silence, then full scale": np.repeat([0, 32767, -32768, 0], 100)[:, None],
    "a square": 30000 * np.sign(np.sin(np.arange(700)))[:, None],
}


@pytest.fixture(scope="session")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Voice:
    return compressors.compressor(tmp_path_factory.mktemp("voices") / "small.safetensors")


@pytest.fixture(scope="session")
def speech() -> Pcm:
    return read_pcm(DIGITS / "7_jackson_12.wav")


@pytest.mark.parametrize("name", SOUNDS)
def test_any_samples_come_back_to_the_bit(voice: Voice, name: str) -> None:
    pcm = Pcm(SOUNDS[name].astype(np.int16), 8000)
    data = Compressed.from_bytes(compress(voice, pcm, name).to_bytes(), name)
    back = decompress(voice, data, name)
    assert back.sample_rate == 8000
    assert back.samples.shape == pcm.samples.shape
    assert np.array_equal(back.samples, pcm.samples)


def test_speech_takes_as_many_bits_as_its_likelihood_says(voice: Voice, speech: Pcm) -> None:
    data = compress(voice, speech, "speech")
    assert np.array_equal(decompress(voice, data, "speech").samples, speech.samples)
    channel = Channel(pack(voice.network, voice.config.hop_length, "int8"))
    below, above = channel.run(speech.samples[:, 0])
    ideal = -np.log2(above - below + 2**-24).sum()
    assert 0 < 32 * len(data.channels[0].words) - ideal < 0.002 * ideal + 64
    assert ideal < 10 * len(speech.samples)


def test_progress_ends_with_all_samples(voice: Voice, speech: Pcm) -> None:
    told: list[tuple[int, int]] = []
    both = Pcm(np.repeat(speech.samples, 2, 1), 8000)
    data = compress(voice, both, "x", lambda *done: told.append(done))
    assert told[-1] == (both.samples.size, both.samples.size)
    decompress(voice, data, "x", lambda *done: told.append(done))
    assert told[-1] == (both.samples.size, both.samples.size)


ELSEWHERE = """
import sys
from pathlib import Path
from wavegen.compression.codec import compress, decompress, read_pcm
from wavegen.compression.container import Compressed
from wavegen.library import load_voice
voice, source, known, new = sys.argv[1:]
pcm = read_pcm(Path(source))
Path(new).write_bytes(compress(load_voice(voice), pcm, "x").to_bytes())
data = Compressed.from_bytes(Path(known).read_bytes(), "x")
assert (decompress(load_voice(voice), data, "x").samples == pcm.samples).all()
"""


@pytest.mark.skipif(not llvmlite.binding.get_host_cpu_features().get("avx2"), reason="needs AVX2")
def test_other_vector_widths_and_numbers_of_threads_make_the_same_file(
    voice: Voice, speech: Pcm, tmp_path: Path
) -> None:
    known, new, file = (tmp_path / n for n in ("known.wvg", "new.wvg", "v.safetensors"))
    voice.save(file)
    again = compressors.load_voice(file)
    known.write_bytes(compress(again, speech, "x").to_bytes())
    source = DIGITS / "7_jackson_12.wav"
    avx2 = {
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+sse2,+sse4.1,+avx,+avx2,+fma,+bmi,+bmi2",
    }
    command = [sys.executable, "-c", ELSEWHERE, *map(str, (file, source, known, new))]
    environment = os.environ | avx2 | {"OMP_NUM_THREADS": "7"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert new.read_bytes() == known.read_bytes()


def test_another_voice_is_an_error(voice: Voice, speech: Pcm, tmp_path: Path) -> None:
    data = compress(voice, speech, "x.wvg")
    other = compressors.compressor(tmp_path / "other.safetensors", seed=1)
    with pytest.raises(VoiceError, match=r"x\.wvg was compressed with another voice than other"):
        decompress(other, data, "x.wvg")


def test_a_machine_that_finds_other_probabilities_is_told(
    voice: Voice, speech: Pcm, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = compress(voice, speech, "x.wvg")
    monkeypatch.setattr(codec, "probe", lambda net: data.probe ^ 1)
    with pytest.raises(VoiceError, match="computes other probabilities"):
        decompress(voice, data, "x.wvg")


def test_a_wrong_code_with_right_checksums_does_not_come_out_as_sound(
    voice: Voice, speech: Pcm
) -> None:
    data = compress(voice, speech, "x.wvg")
    [code] = data.channels
    for words in (code.words ^ 1, code.words[:5], RNG.integers(0, 2**32, 20, np.uint32)):
        wrong = replace(data, channels=(Code(code.low, code.high, words),))
        with pytest.raises(DataError, match="do not match their checksum"):
            decompress(voice, wrong, "x.wvg")
