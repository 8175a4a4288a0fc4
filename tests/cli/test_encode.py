"""`wavegen encode` and `wavegen decode`, with a voice from `wavegen train`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from helpers import DIGITS, TINY, Result, one_clear_line, rows

from wavegen.recipe import load_config, to_toml

SEVEN = DIGITS / "7_jackson_12.wav"
SMALL = {
    "features": "latent",
    "codes": 8,
    "codebooks": 2,
    "latent_channels": 8,
    "latent_steps": 3,
    "prior_steps": 2,
}


def test_a_trained_voice_encodes_and_decodes_as_it_copies(
    cli: Callable[..., Result], tmp_path: Path, tiny_voice_file: Path
) -> None:
    recipe, run, codes = tmp_path / "tiny.toml", tmp_path / "run", tmp_path / "seven.npz"
    train = TINY["train"] | {"steps": 2, "predicted": 0.0}
    table = TINY | {"conditioning": TINY["conditioning"] | SMALL, "train": train}
    recipe.write_text(to_toml(load_config(table, "tiny")))
    done = cli("train", DIGITS, "--recipe", recipe, "--out", run)
    assert done.code == 0, done.err
    assert " of 8 codes in each of 2 books, perplexity " in done.err
    assert "network of codes: " in done.err
    assert rows(run)[-1]["val_bits"] > 0
    voice = ("--voice", run / "voice.safetensors")
    assert "of 8 in use, perplexity " in cli("info", voice[1]).out
    assert json.loads(cli("info", voice[1], "--json").out)["codes"]["per_second"] == 50
    done = cli("encode", SEVEN, *voice, "-o", codes)
    assert done.code == 0, done.err
    assert (
        "a second in each of 2 books: 300 bits per second of what is said, and 350 of F0"
        in done.out
    )
    who = (*voice, "--speaker", "theo", "--seed", "2")
    for command in (("decode", codes), ("vocode", SEVEN), ("convert", SEVEN)):
        done = cli(*command, *who, "-o", tmp_path / f"{command[0]}.wav")
        assert done.code == 0, done.err
        assert "speaker theo, " in done.err
    decoded, copied, converted = (
        soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("decode", "vocode", "convert")
    )
    np.testing.assert_array_equal(decoded, copied)
    assert len(converted) == len(copied) == soundfile.info(SEVEN).frames
    assert np.abs(converted - copied).max() > 1e-3
    done = cli("synth", "--seconds", "0.3", *who, "-o", tmp_path / "drawn.wav")
    assert done.code == 0, done.err
    assert soundfile.info(tmp_path / "drawn.wav").duration == 0.3

    mel, out = ("--voice", tiny_voice_file), ("-o", tmp_path / "a.wav")
    for args, part in (
        (("encode", SEVEN, *mel, "-o", tmp_path / "a.npz"), "tiny has no codes"),
        (("encode", tmp_path / "no.wav", *voice, "-o", tmp_path / "a.npz"), "no.wav"),
        (("encode", SEVEN, *voice, "-o", tmp_path / "a.wav"), "the suffix must be one of .npz"),
        (("encode", SEVEN, *voice, "-o", codes), "--force"),
        (("decode", SEVEN, *voice, *out), "is no file from wavegen encode"),
        (("decode", codes, *mel, *out), "tiny has no codes"),
        (("decode", codes, *voice, "--speaker", "nobody", *out), "no speaker 'nobody'"),
        (("decode", codes, "--voice", run / "last.safetensors", *out), "by another voice"),
        (("synth", "--text", "one", *voice, *out), "draws sound from nothing (--seconds)"),
        (("synth", "--seconds", "1", "--text", "one", *voice, *out), "leave the text out"),
    ):
        one_clear_line(cli(*args), part)
        assert not out[1].exists()
