"""Chunks of speech from Python."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from helpers import Result

import wavegen
from wavegen.audio.writing import apply_finish, encode
from wavegen.errors import TextError, VoiceError, WavegenError
from wavegen.request import Finish


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
        ({"engine": "foo"}, "no engine 'foo': choose from naive, cached, triton, numba"),
        ({"precision": "int4"}, "no precision 'int4': choose from f32, f16, bf16, int8"),
    ):
        with pytest.raises(WavegenError, match=match):
            next(voice.synthesize("one", "theo", **wrong))  # type: ignore[arg-type]
    with pytest.raises(VoiceError, match="no voice 'nobody'"):
        wavegen.load_voice("nobody")


def test_mixes_and_paths_are_the_same_in_job_lists_on_the_command_line_and_in_python(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    spoken: list[dict[str, Any]] = [
        {"speaker": {"theo": 0.7, "lucas": 0.3}},
        {"speaker_path": ["theo", {"lucas": 1, "george": 1}]},
    ]
    written = [("-s", "theo:7,lucas:3"), ("--speaker-path", "theo > lucas:0.5,george:0.5")]
    jobs, given = tmp_path / "jobs.jsonl", ("--voice", tiny_voice_file)
    jobs.write_text("".join(f"{json.dumps({'text': 'one', 'seed': 2} | who)}\n" for who in spoken))
    assert cli("render", jobs, "-o", tmp_path / "out", *given, "-s", "nicolas").code == 0
    voice = wavegen.load_voice(tiny_voice_file)
    for n, (who, option) in enumerate(zip(spoken, written, strict=True), 1):
        out = tmp_path / f"{n}.wav"
        assert cli("synth", "one", *option, "--seed", 2, *given, "-o", out).code == 0
        assert out.read_bytes() == (tmp_path / "out" / f"00000{n}.wav").read_bytes()
        [chunk] = voice.synthesize("one", seed=2, **who)
        audio = apply_finish(chunk.audio, 8000, Finish())
        assert encode(audio, ".wav", 8000, Finish()) == out.read_bytes()
    wrong = {"text": "one", "speaker": "theo", "speaker_path": "theo,lucas"}
    jobs.write_text(json.dumps(wrong) + '\n{"text": "one", "speaker": "theo:x"}\n')
    failed = cli("render", jobs, "-o", tmp_path / "out", *given)
    assert "line 1: give a speaker or a path of speakers, not both" in failed.err
    assert "line 2: speaker 'theo:x': the weight of 'theo' must be a number" in failed.err


def test_a_voice_gives_each_of_eight_threads_its_own_samples(tiny_voice_file: Path) -> None:
    voice = wavegen.load_voice(tiny_voice_file)
    asked = [(text, i % len(voice.speakers)) for i, text in enumerate(["four two", "seven"] * 8)]

    def speak(text: str, speaker: int) -> list[bytes]:
        return [c.audio.tobytes() for c in voice.synthesize(text, speaker, seed=speaker)]

    alone = [speak(*a) for a in asked]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda a: speak(*a), asked)) == alone


def test_importing_wavegen_does_not_import_torch() -> None:
    code = "import sys, wavegen; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_chunks_become_wav_files_and_players(tiny_voice_file: Path) -> None:
    [chunk] = wavegen.load_voice(tiny_voice_file).synthesize("one")
    twice, rate = soundfile.read(io.BytesIO(wavegen.to_wav_bytes([chunk, chunk])))
    assert (len(twice), rate) == (2 * len(chunk.audio), chunk.sample_rate)
    shown = chunk._repr_html_()
    data = base64.b64decode(shown.split("base64,")[1].split('"')[0])
    assert data == wavegen.to_wav_bytes(chunk)
    assert "one" in shown
    with pytest.raises(WavegenError, match="no chunks"):
        wavegen.to_wav_bytes([])
