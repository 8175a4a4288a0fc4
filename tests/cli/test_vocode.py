"""`wavegen vocode`."""

from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
import torch
from helpers import DIGITS, TINY, Result

from wavegen.assembly import untrained
from wavegen.config import Config
from wavegen.recipe import load_config, to_toml
from wavegen.training import likeness


def test_a_mel_voice_without_texts_copies_recordings(
    cli: Callable[..., Result], tmp_path: Path, tone: Callable[..., Path]
) -> None:
    for n in range(3):
        tone(tmp_path / "audio" / f"{n}.wav")
    recipe = tmp_path / "tiny.toml"
    table = {**TINY, "conditioning": {**TINY["conditioning"], "features": "mel"}}
    recipe.write_text(to_toml(load_config(table, "tiny")))
    run = tmp_path / "run"
    done = cli("train", tmp_path / "audio", "--recipe", recipe, "--out", run)
    assert done.code == 0, done.err
    voice, out = run / "voice.safetensors", tmp_path / "copy.wav"
    source = DIGITS / "3_theo_8.wav"
    done = cli("vocode", source, "-m", voice, "-o", out)
    assert done.code == 0, done.err
    assert soundfile.info(out).frames == soundfile.info(source).frames
    phones = tmp_path / "phones_f0.safetensors"
    untrained(
        load_config(TINY, "tiny").replace("conditioning", features="phones_f0"), (), ("_", "n")
    ).save(phones)
    for args, part in (
        (("synth", "--voice", voice, "-t", "one", "-o", tmp_path / "a.wav"), "without texts"),
        (("synth", "--voice", voice, "--seconds", "1", "-o", tmp_path / "a.wav"), "vocode"),
        (("vocode", tmp_path / "no.wav", "--voice", voice, "-o", tmp_path / "a.wav"), "no.wav"),
        (("vocode", source, "--voice", voice, "-o", out), "--force"),
        (("vocode", source, "--voice", phones, "-o", tmp_path / "a.wav"), "no mel features"),
    ):
        wrong = cli(*args)
        assert (wrong.code, part in wrong.err) == (2, True), wrong.err


def test_without_a_speaker_the_recording_chooses_a_mix(
    cli: Callable[..., Result],
    tmp_path: Path,
    tiny_config: Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = torch.tensor([0.6, 0.39, 0.01])
    monkeypatch.setattr(likeness, "nearest_mix", lambda voice, clips, **how: weights)
    voice = tmp_path / "two.safetensors"
    config = tiny_config.replace("conditioning", features="mel")
    untrained(config, ("ann", "bob, the second", "cy"), ()).save(voice)
    for speaker, said in (([], "speaker ann:0.61"), (["-s", "1"], "speaker bob, the second, ")):
        out = tmp_path / f"{len(speaker)}.wav"
        done = cli("vocode", DIGITS / "3_theo_8.wav", "-m", voice, "-o", out, *speaker)
        assert done.code == 0, done.err
        assert said in done.err
