"""Training that starts from another voice."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import DIGITS

from wavegen.assembly import untrained
from wavegen.config import Config
from wavegen.data.dataset import open_dataset
from wavegen.errors import ConfigError, TrainingError
from wavegen.library import load_voice
from wavegen.speech.frontend import Unit
from wavegen.training.adapting import TRAIN, Base, check_origin, fine_tuning, origin, transplant
from wavegen.training.hooks import Hooks
from wavegen.training.run import resume_run, start_run
from wavegen.voice import SpeakingVoice

QUICK = ["train.steps=4", "train.batch_size=2", "train.window_seconds=0.5", "train.precision='f32'"]
QUICK += ["conditioning.acoustic_steps=3", "train.sample_every=0", "train.validate_every=2"]


def theo(root: Path, speaker: str = "theo") -> Path:
    """A folder with one speaker's digits, who may be given another name."""
    root.mkdir()
    for file in DIGITS.glob("*_theo_*.wav"):
        shutil.copy(file, root / file.name.replace("theo", speaker))
    return root


def test_the_recipe_is_the_voices_but_for_its_data_and_pace(tiny_voice: SpeakingVoice) -> None:
    source = replace(tiny_voice, config=tiny_voice.config.replace("data", licence="CC0 1.0"))
    config = fine_tuning(source, ["train.steps=7", "data.licence=mine"])
    assert (config.model, config.audio) == (source.config.model, source.config.audio)
    assert (config.data.join, config.data.licence, config.data.layout) == (2, "mine", "auto")
    assert (config.train.steps, config.train.learning_rate) == (7, TRAIN["learning_rate"])
    assert fine_tuning(source).data.licence == ""


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("model.layers=5", "model.layers is 4, not 5"),
        ("audio.sample_rate=16000", "audio.sample_rate is 8000, not 16000"),
        ("conditioning.speaker_channels=9", "conditioning.speaker_channels is 4, not 9"),
        ("train.stps=9", "did you mean steps"),
    ],
)
def test_what_would_change_the_network_is_refused(
    tiny_voice: SpeakingVoice, setting: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        fine_tuning(tiny_voice, [setting])


@pytest.mark.parametrize(("before", "after"), [(0, 5), (5, 0)])
def test_a_network_of_codes_is_neither_added_nor_dropped(before: int, after: int) -> None:
    config = Config().replace("conditioning", features="latent", prior_steps=before)
    voice = untrained(config, ["a"], [])
    told = config.replace("conditioning", code_phonemes=0.3)
    with pytest.raises(ConfigError, match=f"prior_steps is {before}, not {after}"):
        fine_tuning(voice, [f"conditioning.prior_steps={after}"])
    assert fine_tuning(voice, ["conditioning.latent_steps=9"]).conditioning.latent_steps == 9
    assert fine_tuning(replace(voice, config=told)).conditioning.code_phonemes == 0
    assert fine_tuning(voice, ["conditioning.code_phonemes=1.0"]).conditioning.code_phonemes == 1


def test_speakers_and_phonemes_go_on_from_their_own_rows_or_the_nearest(
    tiny_config: Config, tmp_path: Path
) -> None:
    for features in ("mel", "phones_f0"):
        content = 4 if features == "mel" else 0
        config = tiny_config.replace("conditioning", features=features, content_channels=content)
        old = untrained(config, ("ann", "bob"), ("_", ".", "n", "uː"))
        new = untrained(config, ("bob", "cy"), ("_", ",", ".", "n", "x", "ˈuː"))
        assert isinstance(old, SpeakingVoice)
        assert isinstance(new, SpeakingVoice)
        transplant(old, new)
        for before, after in (
            (old.model.conditioning.speaker, new.model.conditioning.speaker),
            (old.acoustic.spectrum.phones.speaker, new.acoustic.spectrum.phones.speaker),
        ):
            assert before is not None
            assert after is not None
            assert torch.equal(after.weight[0], before.weight[1])
            assert torch.allclose(after.weight[1], before.weight.mean(0))
        was, symbols = (v.acoustic.prosody.phones.symbol.weight for v in (old, new))
        assert torch.equal(symbols[[0, 1, 2, 3, 5]], was[[0, 1, 1, 2, 3]])
        assert torch.allclose(symbols[4], was.mean(0))
        if old.content is not None and new.content is not None:
            assert torch.equal(new.content.symbol.weight[5], old.content.symbol.weight[3])
            assert torch.equal(new.content.shares[5], old.content.shares[3])
        # Without new phonemes, all that the network says of a known speaker is as before.
        same = untrained(config, ("ann", "bob", "cy"), old.symbols)
        transplant(old, same)
        audio = torch.randn(800) / 10
        text = Unit(("new",), (("n", "uː"),))
        bits = [v.nll(audio, 1, v.observe(audio, 1, text)) for v in (old, same)]
        assert torch.equal(*bits)


def test_a_voice_without_speakers_gets_a_table_that_changes_nothing_at_first(
    tiny_config: Config,
) -> None:
    config = tiny_config.replace("conditioning", features="mel")
    old, new = untrained(config, (), ("_", "n")), untrained(config, ("ann",), ("_", "n"))
    transplant(old, new)
    audio = torch.randn(800) / 10
    bits = [v.nll(audio, 0, v.observe(audio, 0)) for v in (old, new)]
    assert torch.allclose(*bits, atol=1e-5)


def test_a_voice_of_another_recipe_starts_from_the_wavenet_alone(
    tiny_voice_file: Path, tmp_path: Path
) -> None:
    base = Base(load_voice(tiny_voice_file), wavenet_only=True)
    config = base.voice.config.replace("data", layout="auto", speaker=())
    config = config.replace("conditioning", acoustic_channels=24, acoustic_steps=2)
    config = config.replace("train", steps=2, learning_rate=1e-9, sample_every=0)
    result = start_run(theo(tmp_path / "audio"), tmp_path / "run", config, device="cpu", base=base)
    voice = load_voice(result.voice)
    assert voice.speakers == ("theo",)
    assert voice.training["from"][0]["voice"] == "tiny"
    old, new = (v.tensors() for v in (base.voice, voice))
    assert torch.allclose(old["wavenet.head.weight"], new["wavenet.head.weight"], atol=1e-6)
    [spectrum] = (n for n in old if n.endswith("spectrum.mel.weight"))
    assert old[spectrum].shape != new[spectrum].shape
    dataset = open_dataset(tmp_path / "audio", config)
    with pytest.raises(ConfigError, match=r"another WaveNet than voice tiny: model\.layers is 4"):
        origin(base, config.replace("model", layers=5), dataset)
    # It is the same to the network how spectrograms are made, if it gets any.
    origin(base, config.replace("conditioning", features="latent", codes=8), dataset)
    with pytest.raises(ConfigError, match=r"conditioning\.features is 'mel', not 'phones_f0'"):
        origin(base, config.replace("conditioning", features="phones_f0"), dataset)


@pytest.mark.parametrize("keep", [False, True])
def test_a_fine_tuned_voice_has_the_speakers_of_the_folder_and_kept_ones(
    tmp_path: Path, tiny_voice_file: Path, keep: bool
) -> None:
    base = Base(load_voice(tiny_voice_file), keep)
    folder = theo(tmp_path / "audio", "zoe")
    config = fine_tuning(base.voice, QUICK)
    result = start_run(
        folder, tmp_path / "run", config, device="cpu", hooks=Hooks(warn=lambda m: None), base=base
    )
    voice = load_voice(result.voice)
    kept = base.voice.speakers if keep else ()
    assert voice.speakers == (*kept, "zoe")
    assert tuple(s.called for s in voice.config.data.speaker) == kept
    [started] = voice.training["from"]
    assert (started["voice"], started["sha256"]) == ("tiny", base.voice.digest)
    old, new = (v.tensors() for v in (base.voice, voice))
    assert old.keys() == new.keys()
    moved = (old["wavenet.head.weight"] - new["wavenet.head.weight"]).abs().max()
    assert 0 < moved < 0.01
    other = Base(replace(base.voice, digest="0"))
    check_origin(result.run, base)
    with pytest.raises(TrainingError, match="started from tiny, not from this tiny"):
        check_origin(result.run, other)


def test_a_fine_tuning_that_is_stopped_ends_as_an_undisturbed_one(
    tmp_path: Path, tiny_voice_file: Path
) -> None:
    base = Base(load_voice(tiny_voice_file))
    config = fine_tuning(base.voice, QUICK)
    folder = theo(tmp_path / "audio")
    whole = start_run(folder, tmp_path / "whole", config, device="cpu", base=base)
    asked = iter([False, True])
    hooks = Hooks(stop=lambda: next(asked))
    part = start_run(folder, tmp_path / "part", config, device="cpu", hooks=hooks, base=base)
    assert not part.finished
    done = resume_run(folder, part.run, device="cpu")
    a, b = (load_voice(r.voice) for r in (whole, done))
    assert a.training["from"] == b.training["from"]
    assert a.speakers == b.speakers == ("theo",)
    for name, tensor in a.tensors().items():
        assert torch.equal(tensor, b.tensors()[name]), name


def test_a_folder_without_speakers_is_one_speaker_of_its_name(
    tmp_path: Path, tiny_voice: SpeakingVoice, tiny_config: Config
) -> None:
    config = tiny_voice.config.replace("data", layout="flat")
    dataset = open_dataset(theo(tmp_path / "mine"), config, f0=False)
    started = origin(Base(tiny_voice, True), config, dataset)
    assert started.speakers == (*tiny_voice.speakers, "mine")
    named = started.dataset(dataset)
    assert {named.speaker_id(p) for p in named.clips} == {6}
    bare = untrained(config, (), ("_", "n"))
    assert origin(Base(bare), config, dataset).speakers == ()
    with pytest.raises(TrainingError, match="has no speakers"):
        Base(bare, True)
