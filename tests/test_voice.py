"""Voice files: whole, checked, and never a pickle."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from wavegen.errors import VoiceError
from wavegen.library import bundled, find_voice, load_voice, read_about
from wavegen.request import Request
from wavegen.synth import plan
from wavegen.voice import Voice


def test_a_saved_voice_loads_the_same(tiny_voice: Voice, tiny_voice_file: Path) -> None:
    loaded = load_voice(tiny_voice_file)
    assert loaded.config == tiny_voice.config
    assert loaded.speakers == tiny_voice.speakers
    assert loaded.symbols == tiny_voice.symbols
    assert loaded.longest == 1
    loaded_parts, parts = loaded.tensors(), tiny_voice.tensors()
    assert loaded_parts.keys() == parts.keys()
    assert {name.partition(".")[0] for name in parts} == {"wavenet", "acoustic", "aligner"}
    assert all(torch.equal(loaded_parts[name], t) for name, t in parts.items())


def test_speakers_go_by_name_or_id(tiny_voice: Voice) -> None:
    assert tiny_voice.speaker_id("nicolas") == tiny_voice.speaker_id("3") == 3
    for wrong in ("bob", "6", "-1", "9" * 5000):
        with pytest.raises(VoiceError, match=r"no speaker.*0 george"):
            tiny_voice.speaker_id(wrong)


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
        ({"format": 99}, "voice format 99; this version reads 3 to 4"),
        ({"format": 2}, "voice format 2; this version reads 3 to 4"),
        ({"format": 3, "config": {"model": {"context": [{}]}}}, "of an older form: train it anew"),
        ({"config": {"model": {"layers": "many"}}}, "model.layers must be int"),
        ({"config": {"model": {"residual_channels": 10**9}}}, "no voice this version can read"),
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


def test_what_is_no_file_or_id_is_refused() -> None:
    with pytest.raises(VoiceError, match=r"can't read the voice 'aaa.*: File name too long"):
        load_voice("a" * 300)
    with pytest.raises(VoiceError, match=r"no speaker '99.*in any bundled voice"):
        find_voice(speaker="9" * 5000)


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
            return (Path.touch, (tmp_path / "owned",))

    path = tmp_path / "voice.safetensors"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(VoiceError, match="not a whole voice file"):
        load_voice(path)
    assert not (tmp_path / "owned").exists()


def test_the_bundled_voices_load_with_their_licence() -> None:
    assert [*bundled()] == ["kathleen", "digits"]
    assert find_voice()[0].name == find_voice(mel=True)[0].name == "kathleen"
    voice, speaker = find_voice(speaker="theo")
    assert (voice.name, voice.speakers[speaker]) == ("digits", "theo")
    assert find_voice(speaker="3")[1] == 3
    for name, path in bundled().items():
        voice = load_voice(name)
        assert voice.training["licence"]
        assert voice.training["attribution"]
        assert path.stat().st_size < 12e6


def test_only_the_voice_that_has_the_speaker_is_loaded() -> None:
    loaded: list[str | Path] = []

    def load(name: str | Path) -> Voice:
        loaded.append(name)
        return load_voice(name)

    voice, speaker = find_voice(speaker="theo", load=load)
    assert (loaded, voice.speakers[speaker]) == (["digits"], "theo")
    with pytest.raises(VoiceError, match=r"no speaker 'bob' in any bundled voice .*3 nicolas"):
        find_voice(speaker="bob", load=load)
    assert loaded == ["digits"]


def test_a_description_is_read_without_the_weights(tmp_path: Path) -> None:
    size = 2**36  # more than fits into memory
    tensor = {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}
    about = {"wavegen": json.dumps({"format": 4, "speakers": ["theo"]})}
    header = json.dumps({"__metadata__": about, "x": tensor}).encode()
    path = tmp_path / "huge.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(path, 8 + len(header) + size)  # a file of zeros that takes no room
    assert read_about(path)["speakers"] == ["theo"]


@pytest.mark.parametrize("seed", [2**64 - 1, 2**80, -(2**80)])
def test_any_seed_strays(tiny_voice: Voice, seed: int) -> None:
    assert next(plan(tiny_voice, Request(text="one", noise_scale=0.5, seed=seed))).samples
