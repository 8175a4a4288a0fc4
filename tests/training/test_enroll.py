"""A speaker added to a voice from a few recordings."""

import shutil
from pathlib import Path

import pytest
import torch
from helpers import DIGITS

from wavegen.assembly import untrained
from wavegen.config import Config, DataConfig
from wavegen.errors import DataError, VoiceError
from wavegen.library import load_voice
from wavegen.request import Request
from wavegen.synth import plan
from wavegen.training import enroll as module
from wavegen.training.enroll import enroll, read_samples
from wavegen.voice import SpeakingVoice

PATTERN = DataConfig(layout="pattern")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few steps each."""
    for name, steps in (("fit_acoustic", 2), ("fit_content", 2), ("fit_wavenet", 2)):
        whole = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, f=whole, n=steps, **k: f(*a, **k, steps=n))


def folder(root: Path, *speakers: str) -> Path:
    root.mkdir()
    for speaker in speakers:
        for file in DIGITS.glob(f"*_{speaker}_*.wav"):
            shutil.copy(file, root)
    return root


@pytest.mark.parametrize("texts", [True, False])
def test_an_enrolled_speaker_has_rows_of_their_own_and_all_else_is_as_before(
    tiny_voice: SpeakingVoice, tmp_path: Path, texts: bool
) -> None:
    data = PATTERN if texts else DataConfig(layout="flat")
    samples = read_samples(tiny_voice, [folder(tmp_path / "theo", "theo")], data)
    told: set[str] = set()
    new = enroll(tiny_voice, "zoe", samples, "with consent", lambda phase, *_: told.add(phase))
    assert ("fitting the acoustic model's embedding" in told) == texts
    assert new.speakers == (*tiny_voice.speakers, "zoe")
    old, now = tiny_voice.tensors(), new.tensors()
    for name, tensor in now.items():
        if name.endswith(("speaker.weight", "aligner.offset", "aligner.scale")):
            assert torch.equal(tensor[:-1], old[name]), name
            fitted = texts or not name.startswith("acoustic.")
            assert torch.equal(tensor[-1], old[name].mean(0)) != fitted, name
        else:
            assert torch.equal(tensor, old[name]), name
    new.save(tmp_path / "new.safetensors")
    loaded = load_voice(tmp_path / "new.safetensors")
    [entry] = loaded.config.data.speaker
    how = f"enrolled from 3 s of recordings {'with' if texts else 'without'} texts, 20"
    assert entry.description.startswith(how)
    assert (entry.called, entry.licence) == ("zoe", "with consent")
    assert next(plan(loaded, Request(text="one", speaker="zoe"))).samples
    with pytest.raises(VoiceError, match="has a speaker zoe already"):
        enroll(loaded, "zoe", samples)


def test_files_have_their_texts_beside_them(tiny_voice: SpeakingVoice, tmp_path: Path) -> None:
    files = sorted(folder(tmp_path / "a", "theo").glob("*.wav"))
    files[0].with_suffix(".txt").write_text("zero\n")
    samples = read_samples(tiny_voice, files, DataConfig())
    assert [s.text.words if s.text else None for s in samples[:2]] == [("zero",), None]


def test_recordings_that_cannot_be_enrolled(
    tiny_voice: SpeakingVoice, tiny_config: Config, tmp_path: Path
) -> None:
    two = folder(tmp_path / "two", "theo", "lucas")
    with pytest.raises(DataError, match=r"of 2 speakers \(lucas, theo\)"):
        read_samples(tiny_voice, [two], PATTERN)
    with pytest.raises(DataError, match="are too little"):
        read_samples(tiny_voice, [two / "0_theo_5.wav"], PATTERN)
    with pytest.raises(VoiceError, match="has no speakers"):
        enroll(untrained(tiny_config, (), ("_", "n")), "zoe", [])
