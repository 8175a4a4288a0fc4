"""`wavegen synth` into files and pipes."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile
from helpers import Result, free_voice, one_clear_line

import wavegen
from wavegen.cli import synth
from wavegen.errors import VoiceError


def test_synth_speaks_with_the_bundled_voice(cli: Callable[..., Result], tmp_path: Path) -> None:
    out = tmp_path / "hello.wav"
    done = cli("synth", "--speaker", "3", "--text", "four two seven", "-o", out)
    assert done.code == 0, done.err
    assert "speaker edith" in done.err
    audio, rate = soundfile.read(out)
    assert soundfile.info(out).subtype == "PCM_16"
    assert rate == 16000
    assert 0.6 < len(audio) / rate < 3
    assert 0.01 < np.sqrt(np.mean(audio**2)) < 0.5
    assert np.mean(np.abs(audio) > 0.99) < 0.001


def test_the_same_words_and_seed_are_the_same_file_and_another_seed_is_not(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    files = []
    for n, seed in enumerate((5, 5, 6)):
        out = tmp_path / f"{n}.wav"
        done = cli("synth", "--voice", tiny_voice_file, "-t", "one", "-o", out, "--seed", seed)
        assert done.code == 0, done.err
        files.append(out.read_bytes())
    assert files[0] == files[1] != files[2]


def test_text_comes_from_a_file_or_standard_input(tmp_path: Path, tiny_voice_file: Path) -> None:
    (tmp_path / "text.txt").write_text("three")
    base = [sys.executable, "-m", "wavegen", "synth", "--voice", tiny_voice_file]
    a, b = tmp_path / "a.wav", tmp_path / "b.wav"
    subprocess.run([*base, "--text-file", tmp_path / "text.txt", "-o", a], check=True)
    subprocess.run([*base, "-o", b], input=b"three\n", check=True)
    assert a.read_bytes() == b.read_bytes()


def test_speakers_are_listed_by_id_and_name(cli: Callable[..., Result]) -> None:
    assert "3\tnicolas\tdigits\t" in cli("synth", "--list-speakers").out
    shown = cli("synth", "--list-speakers", "--voice", "digits").out.splitlines()
    assert shown[4].split("\t")[:2] == ["3", "nicolas"]
    assert cli("synth", "--list-speakers", "--voice", "kathleen").out == ""


def test_texts_in_any_encoding_are_spoken_with_a_lexicon(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    text, lexicon = tmp_path / "a.txt", tmp_path / "names.tsv"
    text.write_bytes("Zoë 🎉\n".encode("utf-16"))
    lexicon.write_text("Zoë\ttwo", "utf-8")
    args = ("--voice", tiny_voice_file, "-f", text, "--lexicon", lexicon)
    done = cli("synth", *args, "-o", tmp_path / "a.wav")
    assert done.code == 0
    assert f"{text} is read as UTF-16" in done.err
    assert done.err.count("warning: left out") == 1
    text.write_bytes("Zoë\n".encode("latin-1"))
    done = cli("synth", *args, "-o", tmp_path / "b.wav")
    assert f"{text} is read as Windows-1252" in done.err
    lexicon.write_text("Zoe two")
    one_clear_line(cli("synth", *args, "-o", tmp_path / "c.wav"), "line 1: no tab")


def test_words_never_heard_are_named_once(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    args = ("--voice", tiny_voice_file, "-t", "one apple two apple", "-o", tmp_path / "a.wav")
    done = cli("synth", *args)
    assert done.code == 0
    assert done.err.count("apple") == 1


@pytest.mark.usefixtures("lengths_only")
@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "the text is empty"),
        (" \n ", "the text is empty"),
        ("🎉🎉🎉", "no words"),
        ("?!", "no words"),
        ("seven " * 3334, "--max-seconds"),
    ],
)
def test_texts_that_cannot_be_spoken(
    cli: Callable[..., Result], tmp_path: Path, text: str, part: str
) -> None:
    one_clear_line(cli("synth", "--text", text, "-o", tmp_path / "a.wav"), part)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (["--speaker", "bob"], ["no speaker 'bob'", "3 nicolas"]),
        (["--speaker", "17"], ["no speaker '17'"]),
        (["--voice", "nobody"], ["no voice 'nobody'", "digits"]),
        (["--voice", "{tmp}/half.safetensors"], ["half.safetensors is not a complete voice file"]),
        (["--voice", "{tmp}/pickle.safetensors"], ["pickle.safetensors is not a complete voice"]),
        (["--voice", "{tmp}/empty.safetensors"], ["empty.safetensors is not a complete voice"]),
        (["--voice", "v" * 300], ["can't read the voice 'vvv", "File name too long"]),
        (["-o", "{tmp}/missing/a.wav"], ["the folder", "does not exist"]),
        (["-o", "{tmp}/" + "a" * 300 + ".wav"], ["-o ", "File name too long"]),
        (["-o", "{tmp}/folder.wav"], ["is a folder; it must name a file"]),
        (["-o", "{tmp}"], ["is a folder; it must name a file"]),
        (["-o", "/dev/stdout"], ["give -o - to write to standard output"]),
        (["-o", "{tmp}/a.xyz"], ["suffix must be one of"]),
        (["-o", "{tmp}/a.raw"], ["suffix must be one of"]),
        (["-o", "{tmp}/there.wav"], ["exists", "--force"]),
        (["--text-file", "{tmp}/there.wav"], ["give one text"]),
        (["--seconds", "1"], ["speaks texts"]),
    ],
)
def test_wrong_arguments_of_synth(
    cli: Callable[..., Result],
    tmp_path: Path,
    tiny_voice_file: Path,
    args: list[str],
    parts: list[str],
) -> None:
    whole = tiny_voice_file.read_bytes()
    (tmp_path / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "pickle.safetensors").write_bytes(pickle.dumps({"model": 1}))
    (tmp_path / "empty.safetensors").touch()
    (tmp_path / "there.wav").write_bytes(b"precious")
    (tmp_path / "folder.wav").mkdir()
    before = sorted(tmp_path.iterdir())
    given = [a.format(tmp=tmp_path) for a in args]
    if "-o" not in given:
        given += ["-o", str(tmp_path / "out.wav")]
    one_clear_line(cli("synth", "--text", "one", *given), *parts)
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "there.wav").read_bytes() == b"precious"


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3", ".aiff"])
def test_the_suffix_chooses_the_format(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path, suffix: str
) -> None:
    out = tmp_path / f"a{suffix}"
    done = cli("synth", "--voice", tiny_voice_file, "-t", "one", "-o", out)
    assert done.code == 0, done.err
    assert soundfile.info(out).samplerate == 8000


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


def test_of_two_that_speak_into_one_new_file_the_second_is_refused(
    cli: Callable[..., Result],
    tmp_path: Path,
    tiny_voice_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "a.wav"
    draw = synth.draw_all

    def slowly(*args: Any) -> Any:
        out.write_bytes(b"the first")
        return draw(*args)

    monkeypatch.setattr(synth, "draw_all", slowly)
    command = ("synth", "one", "--voice", tiny_voice_file, "-o", out)
    one_clear_line(cli(*command), f"-o {out} exists; --force replaces it")
    assert out.read_bytes() == b"the first"
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]
    assert cli(*command, "--force").code == 0
    assert soundfile.info(out).frames > 100


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


@pytest.mark.parametrize(
    ("args", "part"),
    [
        ((), "does not end by itself: --seconds sets its length"),
        (("one",), "without texts: leave the text out (--seconds sets the length)"),
        (("one", "--seconds", "1"), "without texts: leave the text out"),
    ],
)
def test_a_voice_without_texts_needs_seconds_and_no_text(
    cli: Callable[..., Result], tmp_path: Path, args: tuple[str, ...], part: str
) -> None:
    free = free_voice(tmp_path / "free.safetensors")
    done = cli("synth", *args, "--voice", free, "-o", tmp_path / "a.wav")
    assert done.code == 2
    assert part in done.err
    assert not (tmp_path / "a.wav").exists()


def test_a_text_for_a_voice_without_texts_is_refused_everywhere(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    free, jobs = free_voice(tmp_path / "free.safetensors"), tmp_path / "jobs.jsonl"
    with pytest.raises(VoiceError, match="leave the text out"):
        next(wavegen.load_voice(free).synthesize("one", seconds=0.1))
    jobs.write_text('{"seconds": 0.1}\n{"text": "one", "seconds": 0.1}\n')
    done = cli("render", jobs, "-o", tmp_path / "o", "--voice", free)
    assert done.code == 1
    assert "line 2: voice free was trained without texts: leave the text out" in done.err


@pytest.mark.parametrize(("output", "length"), [("categorical", 257), ("logistic_mixture", 1097)])
def test_clips_that_end_by_themselves(
    cli: Callable[..., Result], tmp_path: Path, output: str, length: int
) -> None:
    """An untrained network ends with about one chance in that many a sample."""
    file = free_voice(tmp_path / "free.safetensors", ends=True, output=output)
    lengths = []
    for seed in range(3):
        out = tmp_path / f"{seed}.wav"
        done = cli("synth", "--voice", file, "--seed", seed, "-o", out)
        assert done.code == 0, done.err
        lengths.append(soundfile.info(out).frames)
    assert len(set(lengths)) == 3
    assert max(lengths) < 8000
    assert cli("synth", "--voice", file, "--seconds", 0.5, "-o", tmp_path / "s.wav").code == 0
    assert soundfile.info(tmp_path / "s.wav").frames == 4000
    assert cli("synth", "--voice", file, "--max-seconds", 0.002, "-o", tmp_path / "m.wav").code == 0
    assert soundfile.info(tmp_path / "m.wav").frames <= 16
    jobs = tmp_path / "jobs.jsonl"
    rows = [{"seed": i} for i in range(40)] + [{"seed": 0, "seconds": 0.3}]
    jobs.write_text("".join(json.dumps(r) + "\n" for r in rows))
    out = tmp_path / "clips"
    done = cli("render", jobs, "-o", out, "--voice", file)
    assert done.code == 0, done.err
    frames = [soundfile.info(out / f"{i:06}.wav").frames for i in range(1, 42)]
    assert frames[:3] == lengths  # the same takes, alone or in company
    assert frames[40] == 2400
    assert 0.5 < np.mean(frames[:40]) / length < 2
    [chunk] = wavegen.load_voice(file).synthesize(seed=1)
    assert len(chunk.audio) == lengths[1]


def test_more_seconds_than_allowed_are_refused(cli: Callable[..., Result], tmp_path: Path) -> None:
    voice = free_voice(tmp_path / "free.safetensors")
    args = ("synth", "--voice", voice, "-o", tmp_path / "a.wav", "--seconds")
    for seconds, error in (
        ("3", "this would sound for 3 s, more than --max-seconds 2"),
        ("86401", "--seconds must be a number from 0.001 to 86400, not 86401.0"),
    ):
        done = cli(*args, seconds, "--max-seconds", "2")
        assert done.code == 2
        assert done.err == f"error: {error}\n"


class Loudspeaker:
    """Stands for sounddevice's stream."""

    heard: ClassVar[list[Any]] = []

    def __init__(self, samplerate: int, **options: Any) -> None:
        self.rate = samplerate

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...

    def write(self, samples: Any) -> None:
        self.heard.append(samples)


def test_sound_is_played_or_a_player_is_named(
    cli: Callable[..., Result],
    tmp_path: Path,
    tiny_voice_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("synth", "one", "--voice", tiny_voice_file, "--play")
    monkeypatch.setitem(sys.modules, "sounddevice", None)  # can't be imported
    one_clear_line(cli(*command), "wavegen[play]", "--raw | ")
    one_clear_line(cli(*command, "-o", "a.wav"), "--play writes nothing")
    fake = types.SimpleNamespace(OutputStream=Loudspeaker, PortAudioError=OSError)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    assert cli(*command).code == 0
    played = np.concatenate(Loudspeaker.heard)[:, 0]
    assert [*tmp_path.iterdir()] == []
    cli(*command[:-1], "-o", "a.wav")
    written, _ = soundfile.read("a.wav", dtype="float32")
    assert np.allclose(played, written, atol=1 / 2**15)
