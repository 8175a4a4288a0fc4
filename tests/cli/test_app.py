"""The command line under right and wrong input: it works, or says one clear line and exits 2."""

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import DIGITS, Result, one_clear_line, write_recipe

from wavegen.audio.reading import read_audio
from wavegen.config import Config
from wavegen.request import Request
from wavegen.synth import join, plan, synthesize
from wavegen.voice import Voice, untrained


def test_synth_speaks_with_the_bundled_voice(cli: Callable[..., Result], tmp_path: Path) -> None:
    out = tmp_path / "hello.wav"
    done = cli("synth", "--speaker", "3", "--text", "four two seven", "-o", out)
    assert done.code == 0, done.err
    assert "speaker nicolas" in done.err
    audio, rate = soundfile.read(out)
    assert soundfile.info(out).subtype == "PCM_16"
    assert rate == 8000
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
    assert "3\tnicolas\tdigits" in cli("synth", "--list-speakers").out.splitlines()
    done = cli("synth", "--list-speakers", "--voice", "digits")
    assert done.out.splitlines()[3] == "3\tnicolas"


def test_voices_and_info_tell_what_there_is(cli: Callable[..., Result]) -> None:
    listed = cli("voices").out
    assert "digits" in listed
    assert "CC BY-SA 4.0" in listed
    shown = cli("info", "digits").out
    for part in ("receptive field", "2,047 samples, 256 ms", "parameters", "test bits", "nicolas"):
        assert part in shown


def test_words_never_heard_are_named_once(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    args = ("--voice", tiny_voice_file, "-t", "one apple two apple", "-o", tmp_path / "a.wav")
    done = cli("synth", *args)
    assert done.code == 0
    assert done.err.count("apple") == 1


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


def test_twenty_thousand_characters_fit_under_a_higher_limit(tiny_voice: Voice) -> None:
    assert next(plan(tiny_voice, Request(text="seven " * 3334, max_seconds=None))).samples > 600 * 8000


def test_sentences_come_one_by_one_and_join_with_silence(tiny_voice: Voice) -> None:
    alone = replace(tiny_voice, config=tiny_voice.config.replace("data", join=1), longest=9)
    long = plan(alone, Request(text="One two. Three! " * 10_000))
    assert next(long).text == "one two"  # the rest is not read
    request = Request(text="One two. Three! Four?", sentence_silence=0.5)
    parts = [*plan(alone, request)]
    assert [u.text for u in parts] == ["one two", "three", "four"]
    assert [u.pause for u in parts] == [4000, 4000, 0]
    audio = join(parts, synthesize(alone, parts))
    assert len(audio) == sum(u.samples for u in parts) + 8000
    assert not audio[parts[0].samples : parts[0].samples + 4000].any()
    [whole] = plan(replace(tiny_voice, longest=9), request)
    assert [text for text, _, _ in whole.spans] == ["one two", "three", "four"]


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (["--speaker", "bob"], ["no speaker 'bob'", "3 nicolas"]),
        (["--speaker", "17"], ["no speaker '17'"]),
        (["--voice", "nobody"], ["no voice 'nobody'", "digits"]),
        (["--voice", "{tmp}/half.safetensors"], ["half.safetensors is not a whole voice file"]),
        (["--voice", "{tmp}/pickle.safetensors"], ["pickle.safetensors is not a whole voice"]),
        (["--voice", "{tmp}/empty.safetensors"], ["empty.safetensors is not a whole voice"]),
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


def test_usage_errors_exit_two(cli: Callable[..., Result]) -> None:
    for args in (["synth", "--nonsense"], ["speak"], ["train"], ["synth", "--seed", "x"]):
        result = cli(*args)
        assert result.code == 2
        assert "Traceback" not in result.err


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    args = ["-m", "wavegen", "--debug", "info", "nobody"]
    done = subprocess.run([sys.executable, *args], capture_output=True, text=True, check=False)
    assert "Traceback" in done.stderr
    assert done.returncode != 0


def spoil(path: Path, how: str) -> None:
    """Real files with something wrong or odd about them."""
    audio = read_audio(DIGITS / "7_jackson_12.wav", 8000).audio
    if how == "empty":
        path.touch()
    elif how == "truncated":
        whole = (DIGITS / "7_jackson_12.wav").read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "header only":
        path.write_bytes((DIGITS / "7_jackson_12.wav").read_bytes()[:20])
    elif how == "text":
        path.write_text("Dear diary, today I was renamed.")
    elif how == "nan":
        soundfile.write(path, np.append(audio, np.nan), 8000, subtype="FLOAT")
    elif how == "6 channels":
        soundfile.write(path, np.repeat(audio[:, None], 6, 1), 8000)
    elif how == "192 kHz":
        soundfile.write(path, np.repeat(audio, 24), 192000)
    elif how == "10 ms":
        soundfile.write(path, audio[:80], 8000)
    else:
        soundfile.write(path, audio, 8000, subtype=how)


WORKS = ["truncated", "PCM_24", "FLOAT", "DOUBLE", "PCM_U8", "6 channels", "192 kHz", "10 ms"]
UNREADABLE = ["empty", "header only", "text", "nan"]


@pytest.mark.parametrize("how", WORKS)
def test_odd_recordings_are_scored(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path, how: str
) -> None:
    spoil(tmp_path / "odd.wav", how)
    args = ("--voice", tiny_voice_file, "-s", "jackson", "-t", "seven", "--json")
    done = cli("score", tmp_path / "odd.wav", *args)
    assert done.code == 0, done.err
    assert 0 < json.loads(done.out)["bits_per_sample"] < 20


@pytest.mark.parametrize("how", UNREADABLE)
def test_unreadable_recordings_are_named(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path, how: str
) -> None:
    spoil(tmp_path / "odd.wav", how)
    args = ("--voice", tiny_voice_file, "-s", "jackson", "-t", "seven")
    one_clear_line(cli("score", tmp_path / "odd.wav", *args), "odd.wav")


@pytest.mark.parametrize("how", [*WORKS, *UNREADABLE])
def test_training_takes_odd_clips_and_lists_unreadable_ones(
    cli: Callable[..., Result], tmp_path: Path, how: str
) -> None:
    folder = tmp_path / "audio"
    folder.mkdir()
    for n in range(5, 15):
        for p in DIGITS.glob(f"*_jackson_{n}.wav"):
            shutil.copy(p, folder)
    spoil(folder / "9_jackson_99.wav", how)
    recipe = write_recipe(tmp_path / "tiny.toml", steps=2, validate_every=2)
    done = cli("train", folder, "--recipe", recipe, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert ("left out 9_jackson_99.wav" in done.err) == (how in UNREADABLE)


def test_one_clip_only_trains_and_says_what_is_missing(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "audio").mkdir()
    shutil.copy(DIGITS / "7_jackson_12.wav", tmp_path / "audio")
    recipe = write_recipe(tmp_path / "tiny.toml", steps=2)
    done = cli("train", tmp_path / "audio", "--recipe", recipe, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert "no clip is held out" in done.err
    assert (tmp_path / "run" / "voice.safetensors").exists()


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (["{tmp}/nothing"], ["nothing is not a folder"]),
        (["{tmp}/bare"], ["no audio in"]),
        (["{tmp}/bad"], ["no usable audio", "bad.wav"]),
        (["{digits}", "--recipe", "nonsense"], ["no recipe 'nonsense'", "digits"]),
        (["{digits}", "--recipe", "{tmp}/wrong.toml"], ["2 faults", "layrs", "steps must be int"]),
        (["{digits}", "--recipe", "{tmp}/bad/bad.wav"], ["not valid TOML"]),
        (["{digits}", "--set", "train.stps=1"], ["did you mean steps?"]),
        (["{digits}", "--layout", "tree"], ["data.layout must be one of"]),
        (["{digits}", "--device", "tpu"], ["choose auto, cpu or cuda"]),
        (["{digits}", "--resume"], ["nothing to resume"]),
        (["{digits}", "--steps", "1", "--minutes", "1"], ["not both"]),
        (["{digits}", "--set", "train.clip_norm=inf"], ["finite"]),
    ],
)
def test_wrong_arguments_of_train(
    cli: Callable[..., Result], tmp_path: Path, args: list[str], parts: list[str]
) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "bad.wav").write_text("no audio")
    (tmp_path / "wrong.toml").write_text('[model]\nlayrs = 3\n[train]\nsteps = "many"\n')
    given = [a.format(tmp=tmp_path, digits=DIGITS) for a in args]
    one_clear_line(cli("train", *given, "--out", tmp_path / "run"), *parts)
    assert not (tmp_path / "run").exists()


def test_score_prints_a_mean_over_samples(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path, tiny_config: Config
) -> None:
    files = [DIGITS / f"1_{s}_6.wav" for s in ("theo", "george")]
    args = ("--voice", tiny_voice_file, "-s", "theo", "-t", "one")
    rows = [json.loads(x) for x in cli("score", *files, *args, "--json").out.splitlines()]
    mean = sum(r["bits_per_sample"] * r["samples"] for r in rows) / sum(r["samples"] for r in rows)
    assert f"{mean:.4f}" in cli("score", *files, *args).out
    one_clear_line(cli("score", *files, "--voice", tiny_voice_file, "-t", "one"), "--speaker")
    spoken = tmp_path / "phones_f0.safetensors"
    config = tiny_config.replace("conditioning", features="phones_f0")
    untrained(config, ("theo",), ("_", "n")).save(spoken)
    one_clear_line(cli("score", *files, "--voice", spoken, "-s", "theo"), "--text")


def test_some_unreadable_recordings_among_others_exit_one_with_a_count(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    spoil(tmp_path / "bad.wav", "text")
    files = [tmp_path / "bad.wav", DIGITS / "1_theo_6.wav"]
    done = cli("score", *files, "--voice", tiny_voice_file, "-s", "theo", "-t", "one", "--json")
    assert done.code == 1
    assert len(done.out.splitlines()) == 1
    assert "bad.wav" in done.err
    assert "1 of 2" in done.err


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3", ".aiff"])
def test_the_suffix_chooses_the_format(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path, suffix: str
) -> None:
    out = tmp_path / f"a{suffix}"
    done = cli("synth", "--voice", tiny_voice_file, "-t", "one", "-o", out)
    assert done.code == 0, done.err
    assert soundfile.info(out).samplerate == 8000


def test_brackets_in_names_are_printed_as_they_are(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    assert "[a-z]+" in cli("info", "digits").out
    one_clear_line(cli("train", tmp_path / "x[/b]"), "x[/b] is not a folder")
