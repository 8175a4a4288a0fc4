"""Finding voices."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from wavegen.errors import VoiceError
from wavegen.library import bundled, find_voice, load_voice, read_about
from wavegen.voice import FORMAT, Voice


def test_what_is_no_file_or_id_is_refused() -> None:
    with pytest.raises(VoiceError, match=r"can't read the voice 'aaa.*: File name too long"):
        load_voice("a" * 300)
    with pytest.raises(VoiceError, match=r"no speaker '99.*in any bundled voice"):
        find_voice(speaker="9" * 5000)


def test_the_bundled_voices_load_with_their_licence() -> None:
    assert [*bundled()] == ["readers", "digits", "kathleen", "music"]
    assert find_voice()[0].name == find_voice(mel=True)[0].name == "readers"
    voice, speaker = find_voice(speaker="theo")
    assert (voice.name, speaker.label) == ("digits", "theo")
    voice, speaker = find_voice(speaker="3")
    assert (voice.name, speaker.label) == ("readers", "edith")
    for name, path in bundled().items():
        voice = load_voice(name)
        assert voice.training["licence"]
        assert voice.training["attribution"]
        assert path.stat().st_size < 10e6


def test_only_the_voice_that_has_the_speaker_is_loaded() -> None:
    loaded: list[str | Path] = []

    def load(name: str | Path) -> Voice:
        loaded.append(name)
        return load_voice(name)

    _, speaker = find_voice(speaker="theo", load=load)
    assert (loaded, speaker.label) == (["digits"], "theo")
    with pytest.raises(VoiceError, match=r"no speaker 'bob' in any bundled voice .*3 edith"):
        find_voice(speaker="bob", load=load)
    assert loaded == ["digits"]


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
            return (Path.touch, (tmp_path / "owned",))

    path = tmp_path / "voice.safetensors"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(VoiceError, match="not a complete voice file"):
        load_voice(path)
    assert not (tmp_path / "owned").exists()


def test_a_description_is_read_without_the_weights(tmp_path: Path) -> None:
    size = 2**36  # more than fits into memory
    tensor = {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}
    about = {"wavegen": json.dumps({"format": FORMAT, "speakers": ["theo"]})}
    header = json.dumps({"__metadata__": about, "x": tensor}).encode()
    path = tmp_path / "huge.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(path, 8 + len(header) + size)  # a file of zeros that takes no room
    assert read_about(path)["speakers"] == ["theo"]
