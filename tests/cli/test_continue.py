"""Clips that go on from a recording, and clips that end by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from helpers import DIGITS, TINY, Result
from networks import STACKS

import wavegen
from wavegen.data.dataset import open_dataset
from wavegen.data.windows import TrainingClip, Windows
from wavegen.errors import TrainingError, VoiceError
from wavegen.model.wavenet import WaveNet
from wavegen.recipe import load_config
from wavegen.request import Request
from wavegen.synth import plan_continuation
from wavegen.training.corpus import new_voice, resolve
from wavegen.voice import ConditionedVoice, SpeakingVoice, untrained

PROMPT = DIGITS / "7_jackson_12.wav"


def free_voice(path: Path, **model: Any) -> Path:
    """An untrained voice without texts."""
    table: dict[str, Any] = TINY | {"conditioning": {"features": "none"}}
    config = load_config(table | {"model": TINY["model"] | model}, "free")
    voice = untrained(config, (), ())
    voice.save(path)
    return path


@pytest.mark.parametrize(
    "model",
    [{}, {"output": "logistic_mixture"}, {"context": STACKS}, {"output": "gaussian_mixture"}],
    ids=str,
)
def test_a_recording_and_what_follows_are_one_file(
    cli: Callable[..., Result], tmp_path: Path, model: dict[str, Any]
) -> None:
    voice = free_voice(tmp_path / "free.safetensors", **model)
    out = tmp_path / "new" / "folder"
    args = ["continue", PROMPT, "--voice", voice, "--seconds", "0.25", "-o", out, "--fade", "0"]
    done = cli(*args, "--variants", "3")
    assert done.code == 0, done.err
    files = [out / f"7_jackson_12-{n}.wav" for n in (1, 2, 3)]
    assert sorted(out.iterdir()) == files
    prompt, rate = soundfile.read(PROMPT, dtype="int16")
    sounds = [soundfile.read(f, dtype="int16")[0] for f in files]
    for s in sounds:
        assert len(s) == len(prompt) + round(0.25 * rate)
        assert np.abs(s[: len(prompt)].astype(int) - prompt).max() <= 1
    assert not np.array_equal(sounds[0], sounds[1])
    again = cli(*args, "--seed", "1", "--force")  # the second variant by itself
    assert again.code == 0
    assert np.array_equal(soundfile.read(files[0], dtype="int16")[0], sounds[1])
    for f in files:
        f.unlink()


def test_a_voice_with_texts_says_how_it_goes_on(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice: SpeakingVoice, tiny_voice_file: Path
) -> None:
    args = ["continue", PROMPT, "--voice", tiny_voice_file, "-s", "jackson", "-o", tmp_path / "o"]
    assert cli(*args, "--text", "four two").code == 0
    whole, rate = soundfile.read(tmp_path / "o" / "7_jackson_12-1.wav")
    u = plan_continuation(tiny_voice, PROMPT, Request(speaker="2", text="four two"))
    assert u.prompt is not None
    assert u.local is not None
    assert len(whole) == len(u.prompt) + u.samples == u.local.frames * 80
    assert rate == 8000
    own = tiny_voice.observe(u.prompt, 2)
    for name, features in u.local.cut(0, own.frames).tensors.items():
        assert torch.allclose(features, own.tensors[name])


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (["{tmp}/nothing.wav", "--voice", "{free}", "--seconds", "1"], "no recording"),
        ([PROMPT, "--voice", "{free}"], "--seconds sets its length"),
        ([PROMPT, "--voice", "{free}", "--text", "x", "--seconds", "1"], "without texts"),
        ([PROMPT, "--voice", "{tiny}"], "--text says what follows"),
        ([PROMPT, "--voice", "{tiny}", "--seconds", "1"], "--text says what follows"),
        (
            [PROMPT, "--voice", "{free}", "--seconds", "1", "--bits", "float", "--format", "flac"],
            "flac files take 16 or 24",
        ),
        (
            [PROMPT, "--voice", "{free}", "--seconds", "1", "-o", "{tmp}/file"],
            "is a file; it must name a folder",
        ),
        (["{tmp}/file", "--voice", "{free}", "--seconds", "1"], "file"),
    ],
)
def test_wrong_arguments_of_continue(
    cli: Callable[..., Result],
    tmp_path: Path,
    tiny_voice_file: Path,
    args: list[object],
    part: str,
) -> None:
    free = free_voice(tmp_path / "free.safetensors")
    (tmp_path / "file").write_text("no sound")
    given = [str(a).format(tmp=tmp_path, free=free, tiny=tiny_voice_file) for a in args]
    done = cli("continue", *given, *([] if "-o" in given else ["-o", tmp_path / "o"]))
    assert done.code == 2
    [line] = [x for x in done.err.splitlines() if x.startswith("error: ")]
    assert part in line
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "free.safetensors"]


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


def test_clips_that_end_by_themselves(cli: Callable[..., Result], tmp_path: Path) -> None:
    """An untrained network ends with about one chance in 257 a sample."""
    file = free_voice(tmp_path / "free.safetensors", ends=True)
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
    assert 100 < np.mean(frames[:40]) < 700
    [chunk] = wavegen.load_voice(file).synthesize(seed=1)
    assert len(chunk.audio) == lengths[1]


def test_windows_count_the_end_once_and_nothing_after_it() -> None:
    table = TINY | {"conditioning": {"features": "none"}, "model": TINY["model"] | {"ends": True}}
    config = load_config(table, "ends")
    audio = [torch.rand(n) - 0.5 for n in (800, 801, 5000, 79, 9999)]
    clips = [TrainingClip(len(a), 0, lambda b, e, a=a: a[b:e]) for a in audio]  # type: ignore[misc]
    windows = Windows(clips, config, None)
    ends = utterances = 0
    for group in windows.epoch(0):
        batch = windows.batch(group)
        assert int(batch.counted.sum()) == sum(map(windows.counted, group))
        is_end = batch.codes == 256
        assert (batch.counted & is_end).sum() == is_end.sum()
        assert not (batch.speech & is_end).any()
        for row in is_end.nonzero():
            after = batch.counted[row[0], row[1] + 1 :]
            assert not after.any()
        ends += int(is_end.sum())
    for group in windows.epoch(0):
        utterances += sum(w.begin == 0 for w in group)
    assert ends == utterances
    model = WaveNet(config)
    model(batch.codes, None, None, batch.before)  # the end can be an input, though it says nothing


def test_ends_and_texts_do_not_go_together(tmp_path: Path) -> None:
    config = load_config(TINY | {"model": TINY["model"] | {"ends": True}}, "ends")
    dataset = open_dataset(DIGITS, config, tmp_path)
    with pytest.raises(TrainingError, match=r"model\.ends is for voices without texts"):
        resolve(config, dataset, torch.device("cpu"))


def test_long_recordings_are_cut_into_clips(tmp_path: Path, tone: Callable[..., Path]) -> None:
    tone(tmp_path / "in" / "long.wav", seconds=2.5)
    tone(tmp_path / "in" / "short.wav", seconds=0.4)
    table = TINY | {"data": {"layout": "flat", "longest": 0.9}}
    config = load_config(table | {"conditioning": {"features": "none"}}, "music")
    dataset = open_dataset(tmp_path / "in", config, tmp_path / "cache")
    assert list(dataset.clips) == ["long.wav#1/3", "long.wav#2/3", "long.wav#3/3", "short.wav"]
    lengths = [dataset.entry(p).samples for p in dataset.clips]
    assert sum(lengths[:3]) == 20000
    assert max(lengths) - min(lengths[:3]) <= 1
    parts = [dataset.prepared.audio(p, 0, n) for p, n in zip(dataset.clips, lengths, strict=True)]
    whole, _ = soundfile.read(tmp_path / "in" / "long.wav", dtype="float32")
    assert np.abs(np.concatenate(parts[:3]) - whole).max() < 1e-4
    voice = new_voice(resolve(config, dataset, torch.device("cpu")), dataset)
    assert not isinstance(voice, ConditionedVoice)


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
