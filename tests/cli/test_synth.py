"""Sound into pipes, and chunks from Python."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import Result

import wavegen
from wavegen.errors import TextError, VoiceError, WavegenError


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "wavegen", "synth", *map(str, args)]


def test_a_pipe_gets_what_a_file_gets(tmp_path: Path, tiny_voice_file: Path) -> None:
    args = ("one. two!", "--voice", tiny_voice_file, "--volume", 2, "--sample-rate", 11025)
    subprocess.run(command(*args, "-o", tmp_path / "a.wav"), check=True)
    wav, raw = (
        subprocess.run(command(*args, *how), check=True, capture_output=True).stdout
        for how in (("-o", "-"), ("--raw",))
    )
    file, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    piped, piped_rate = soundfile.read(io.BytesIO(wav), dtype="int16")
    assert rate == piped_rate == 11025
    assert raw == wav[44:]
    assert len(file) == len(piped) == len(raw) / 2
    assert np.abs(file.astype(int) - piped).max() <= 1  # resampled in other pieces


def test_lines_are_spoken_as_they_come(tiny_voice_file: Path) -> None:
    process = subprocess.Popen(
        command("--raw", "--voice", tiny_voice_file),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    for text in (b"one two three\n", b"four\n"):
        process.stdin.write(text)
        process.stdin.flush()
        assert len(process.stdout.read(2000)) == 2000  # while standard input is still open
    process.stdin.write(b"\n???\nfive\n")
    process.stdin.close()
    rest = process.stdout.read()
    said = process.stderr.read().decode()
    process.stdout.close()
    process.stderr.close()
    assert process.wait() == 0
    assert len(rest) > 2000
    assert "warning: line 3: the text holds no words to speak" in said


def test_a_reader_that_goes_away_ends_it_quietly(tiny_voice_file: Path) -> None:
    process = subprocess.Popen(
        command("one two three four five six seven", "--raw", "--voice", tiny_voice_file),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.read(100)
    process.stdout.close()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said == b""


@pytest.mark.parametrize("how", [("--raw",), ("-o", "-")])
def test_nothing_to_say_or_no_place_to_say_it_is_one_line(
    tiny_voice_file: Path, how: tuple[str, ...]
) -> None:
    args = command(*how, "--voice", tiny_voice_file)
    empty = subprocess.run(args, input=b"\n \n", capture_output=True)
    assert (empty.returncode, empty.stdout) == (2, b"")
    assert empty.stderr == b"error: the text is empty\n"
    with Path("/dev/full").open("wb") as full:
        said = subprocess.run(args, input=b"one", stdout=full, stderr=subprocess.PIPE)
    assert said.returncode == 2
    assert said.stderr == b"error: can't write to standard output: No space left on device\n"


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (("--raw", "-o", "a.wav"), "leave out --output"),
        (("-o", "-", "--normalize", "-23"), "--normalize needs the whole sound"),
        (("-o", "-", "--bits", "24"), "16-bit"),
        (("-o", "a.ogg", "--bits", "24"), ".ogg files take 16"),
        (("-o", "a.mp3", "--sample-rate", "96000"), "can't hold 96000 Hz"),
        (("--text", "two"), "give one text"),
        (("--temperature", "inf"), "--temperature must be a number from 0, not inf"),
        (("-o", "a.ogg", "--sample-rate", "384000"), ".ogg files can't hold 384000 Hz"),
    ],
)
def test_what_cannot_be_written_is_said_first(
    cli: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tiny_voice_file: Path,
    args: tuple[str, ...],
    part: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("synth", "one", "--voice", tiny_voice_file, *args)
    assert done.code == 2
    [line] = done.err.splitlines()
    assert part in line
    assert not any(tmp_path.iterdir())


def test_python_gets_a_chunk_for_each_sentence(tiny_voice_file: Path) -> None:
    voice = wavegen.load_voice(tiny_voice_file)
    assert (voice.name, voice.sample_rate, voice.speakers[4]) == ("tiny", 8000, "theo")
    chunks = list(voice.synthesize("one. two, three!", "theo", seed=2))
    assert " ".join(c.text for c in chunks) == "one two three"
    assert chunks[0].phonemes[0] in ("wˈʌn", "wˌʌn")  # espeak-ng's versions differ
    for chunk in chunks:
        assert chunk.audio.dtype == np.float32
        assert np.abs(chunk.audio).max() <= 1
    again = list(voice.synthesize("one. two, three!", 4, seed=2))
    assert all(np.array_equal(a.audio, b.audio) for a, b in zip(chunks, again, strict=True))
    with pytest.raises(VoiceError, match="no speaker 'bob'"):
        next(voice.synthesize("one", "bob"))
    with pytest.raises(TextError, match="no words"):
        next(voice.synthesize("?!"))
    for wrong, match in (
        ({"length_scale": 0}, "length_scale must be a number from 0.1 to 10"),
        ({"length_scale": np.nan}, "length_scale must be a number"),
        ({"sentence_silence": -1}, "sentence_silence must be a number from 0"),
        ({"temperature": np.nan}, "temperature must be a number from 0"),
        ({"engine": "foo"}, "no engine 'foo': choose from naive, cached, numba"),
        ({"precision": "int4"}, "no precision 'int4': choose from f32, bf16, int8"),
    ):
        with pytest.raises(WavegenError, match=match):
            next(voice.synthesize("one", "theo", **wrong))  # type: ignore[arg-type]
    with pytest.raises(VoiceError, match="no voice 'nobody'"):
        wavegen.load_voice("nobody")


def test_importing_wavegen_does_not_import_torch() -> None:
    code = "import sys, wavegen; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
