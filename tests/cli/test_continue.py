"""`wavegen continue`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from helpers import DIGITS, Result, free_voice
from networks import STACKS

from wavegen.assembly import untrained
from wavegen.config import Config
from wavegen.request import Request
from wavegen.synth import plan_continuation
from wavegen.voice import SpeakingVoice

PROMPT = DIGITS / "7_jackson_12.wav"


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
    assert cli(*args, "--text", "four two", "--noise-scale", "0").code == 0
    whole, rate = soundfile.read(tmp_path / "o" / "7_jackson_12-1.wav")
    u = plan_continuation(
        tiny_voice, PROMPT, Request(speaker="2", text="four two", noise_scale=0.0)
    )
    assert u.prompt is not None
    assert u.local is not None
    assert len(whole) == len(u.prompt) + u.samples == u.local.frames * 80
    assert rate == 8000
    own = tiny_voice.observe(torch.from_numpy(u.prompt), 2)
    for name, features in u.local.cut(0, own.frames).tracks.items():
        assert np.allclose(features, own.tracks[name])


def test_a_voice_of_codes_draws_them_for_each_variant(
    cli: Callable[..., Result], tmp_path: Path, tiny_config: Config
) -> None:
    told = {"features": "latent", "codes": 8, "latent_channels": 8}
    voice, out = tmp_path / "codes.safetensors", tmp_path / "o"
    untrained(tiny_config.replace("conditioning", prior_steps=1, **told), (), ()).save(voice)
    args = ["continue", PROMPT, "--voice", voice, "--seconds", "0.25", "-o", out, "--fade", "0"]
    assert cli(*args, "--variants", "2").code == 0
    prompt, rate = soundfile.read(PROMPT)
    one, two = (soundfile.read(out / f"7_jackson_12-{n}.wav")[0] for n in (1, 2))
    assert len(one) == len(two) == len(prompt) + round(0.25 * rate)
    assert np.abs(one[: len(prompt)] - prompt).max() < 1e-4
    assert not np.array_equal(one, two)
    for f in out.iterdir():
        f.unlink()
    plain = tmp_path / "plain.safetensors"
    untrained(tiny_config.replace("conditioning", **told), (), ()).save(plain)
    refused = cli("continue", PROMPT, "--voice", plain, "--seconds", "1", "-o", out)
    assert refused.code == 2
    assert "it can't continue one" in refused.err


def test_a_path_of_speakers_begins_after_the_recording(tiny_config: Config) -> None:
    voice = untrained(tiny_config.replace("conditioning", features="none"), ("ann", "bob"), ())
    u = plan_continuation(voice, PROMPT, Request(speaker_path="ann,bob", seconds=0.5))
    assert u.prompt is not None
    before = -(-len(u.prompt) // 80)
    assert len(u.weights) == before + 50
    assert (u.weights[:before] == [1, 0]).all()
    assert u.weights[-1, 1] > 0.9


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
