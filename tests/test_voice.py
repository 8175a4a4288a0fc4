"""Voice files: whole, checked, and never a pickle."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from wavegen.assembly import untrained
from wavegen.audio.local_features import LocalFeatures
from wavegen.config import Config
from wavegen.errors import TextError, VoiceError, WavegenError
from wavegen.generation.rounding import rounded
from wavegen.library import load_voice, read_about
from wavegen.request import Request
from wavegen.speech.frontend import read_clip
from wavegen.speech.phrases import Phrase
from wavegen.synth import plan, synthesize
from wavegen.voice import ConditionedVoice, SpeakingVoice, Voice


def test_a_saved_voice_loads_the_same(tiny_voice: SpeakingVoice, tiny_voice_file: Path) -> None:
    loaded = load_voice(tiny_voice_file)
    assert isinstance(loaded, SpeakingVoice)
    assert loaded.config == tiny_voice.config
    assert loaded.speakers == tiny_voice.speakers
    assert loaded.symbols == tiny_voice.symbols
    assert loaded.longest == 1
    loaded_parts, parts = loaded.tensors(), tiny_voice.tensors()
    assert loaded_parts.keys() == parts.keys()
    assert {name.partition(".")[0] for name in parts} == {"wavenet", "acoustic", "aligner"}
    assert all(torch.equal(loaded_parts[name], t) for name, t in parts.items())


def test_a_file_from_before_there_were_kinds_holds_a_wavenet(
    tiny_voice: Voice, tiny_voice_file: Path, tmp_path: Path
) -> None:
    about = read_about(tiny_voice_file)
    for name in ("kind", "heads", "attention"):
        del about["config"]["model"][name]
    path = tmp_path / "old.safetensors"
    save_file(load_file(tiny_voice_file), path, {"wavegen": json.dumps(about)})
    assert load_voice(path).config == tiny_voice.config


@pytest.mark.parametrize("kind", ["gru", "transformer"])
def test_a_voice_of_another_kind_is_saved_and_speaks_the_same(
    tiny_config: Config, tmp_path: Path, kind: str
) -> None:
    config = tiny_config.replace("model", kind=kind, dilation_cycle=10).replace(
        "conditioning", features="none"
    )
    voice = untrained(config, ("ann", "bob"), ())
    for weights in voice.model.parameters():
        weights.data = weights.data.half().float()  # as its file stores it
    voice.save(tmp_path / "other.safetensors")
    loaded = load_voice(tmp_path / "other.safetensors")
    request = Request(seconds=0.02, speaker="bob")
    a, b = (synthesize(v, [*plan(v, request)]) for v in (voice, loaded))
    assert np.array_equal(a[0], b[0])
    with pytest.raises(WavegenError, match=f"engine numba draws from no {kind} voice; naive and"):
        synthesize(loaded, [*plan(loaded, request)], engine="numba")
    with pytest.raises(WavegenError, match=f"a {kind} is computed in f32 only, not in int8"):
        rounded(loaded.model, "int8")


def test_speakers_go_by_name_or_id(tiny_voice: Voice) -> None:
    assert tiny_voice.who("nicolas") == tiny_voice.who("3")
    assert tiny_voice.who("3").key == 3
    for wrong in ("bob", "6", "-1", "9" * 5000, "bob:1,theo:1"):
        with pytest.raises(VoiceError, match=r"no speaker.*0 george"):
            tiny_voice.who(wrong)


def test_weights_that_do_not_fit_are_refused(tiny_voice_file: Path, tmp_path: Path) -> None:
    about = {"wavegen": json.dumps(read_about(tiny_voice_file))}
    tensors = load_file(tiny_voice_file)
    path = tmp_path / "odd.safetensors"
    save_file({**tensors, "wavenet.head.bias": torch.zeros(3)}, path, about)
    with pytest.raises(VoiceError, match=r"do not fit its configuration \(wavenet.head.bias\)"):
        load_voice(path)
    del tensors["wavenet.blocks.1.taps"]
    save_file(tensors, path, about)
    with pytest.raises(VoiceError, match="do not fit"):
        load_voice(path)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"format": 99}, "voice format 99; this version reads 7"),
        ({"format": 5}, "voice format 5; this version reads 7"),
        ({"config": {"model": {"layers": "many"}}}, "model.layers must be int"),
        (
            {"config": {"model": {"residual_channels": 10**9}}},
            "weights do not fit its configuration",
        ),
        ({"speakers": None}, "no voice this version can read"),
        ({"words": [1]}, "words must be a list of strings"),
        ({"longest": "x"}, "longest must be a whole number"),
        ({"training": None}, "training must be an object"),
        ({"training": {"clips": "x"}}, "training.clips must be a number"),
    ],
)
def test_descriptions_from_elsewhere_are_refused(
    tiny_voice_file: Path, tmp_path: Path, change: dict[str, object], match: str
) -> None:
    about = {"wavegen": json.dumps(read_about(tiny_voice_file) | change)}
    path = tmp_path / "odd.safetensors"
    save_file(load_file(tiny_voice_file), path, about)
    with pytest.raises(VoiceError, match=match):
        load_voice(path)


@pytest.mark.parametrize("seed", [2**64 - 1, 2**80, -(2**80)])
def test_any_seed_strays(tiny_voice: Voice, seed: int) -> None:
    assert next(plan(tiny_voice, Request(text="one", noise_scale=0.5, seed=seed))).samples


def test_a_style_stretches_and_shifts(tiny_voice: SpeakingVoice) -> None:
    voice = copy.deepcopy(tiny_voice)
    unit = read_clip("one two three four five")
    assert unit is not None

    def said(**style: float) -> LocalFeatures:
        return voice.predict(Phrase(unit), voice.who(None), Request(**style)).local

    plain = said()
    assert said(length_scale=1.5).frames == pytest.approx(1.5 * plain.frames, rel=0.05)
    higher = said(pitch_shift=4)
    assert np.allclose(higher.octaves, plain.octaves + plain.voicing / 3, atol=1e-5)
    voice.acoustic.prosody.duration_spread.fill_(1.0)
    takes = [said(noise_scale=1.0, seed=n).frames for n in (1, 1, 2, 3)]
    assert takes[0] == takes[1]
    assert len(set(takes)) > 1


def test_a_voice_is_of_the_class_that_its_file_asks_for(
    tmp_path: Path, tiny_config: Config
) -> None:
    wanted: list[tuple[str, tuple[str, ...], type[Voice]]] = [
        ("none", (), Voice),
        ("mel", (), ConditionedVoice),
        ("mel", ("_", "n"), SpeakingVoice),
        ("phones_f0", ("_", "n"), SpeakingVoice),
    ]
    for features, symbols, kind in wanted:
        config = tiny_config.replace("conditioning", features=features)
        path = tmp_path / f"{features}{len(symbols)}.safetensors"
        untrained(config, ("ann",), symbols).save(path)
        voice = load_voice(path)
        assert type(voice) is kind
        assert (voice.pause(3) is None) == (features == "none")
        assert voice.needs_text == (features == "phones_f0")


def test_a_voice_made_of_phonemes_needs_some(tmp_path: Path, tiny_config: Config) -> None:
    config = tiny_config.replace("conditioning", features="phones_f0")
    with pytest.raises(ValueError, match="need phonemes"):
        untrained(config, (), ())
    path = tmp_path / "a.safetensors"
    untrained(config, (), ("_", "n")).save(path)
    about = {"wavegen": json.dumps(read_about(path) | {"symbols": []})}
    save_file(load_file(path), path, about)
    with pytest.raises(VoiceError, match=r"a\.safetensors.*phones_f0 need phonemes"):
        load_voice(path)


def test_a_recording_has_the_phonemes_of_its_text(tiny_config: Config) -> None:
    config = tiny_config.replace("conditioning", features="phones_f0")
    voice = untrained(config, (), ("_", "n", "aɪ"))
    audio = torch.randn(800) / 10
    local = voice.observe(audio, 0, read_clip("nine"))
    assert local is not None
    assert local.phones is not None
    assert local.phones.shape[1] == local.frames == 10
    with pytest.raises(TextError, match="what a recording says"):
        voice.observe(audio, 0)
    with pytest.raises(TextError, match="no sound of 'two'"):
        voice.observe(audio, 0, read_clip("two"))
