"""From a data set to the configuration and the clips of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from helpers import DIGITS, TINY, make_files

from wavegen.config import Config
from wavegen.data.dataset import open_dataset
from wavegen.errors import TrainingError
from wavegen.latents import LatentVoice
from wavegen.model.latent import LatentModel
from wavegen.recipe import load_config
from wavegen.speech import coding
from wavegen.speech.hearing import Heard
from wavegen.text import MARKS
from wavegen.training.corpus import fit_speech, new_voice, resolve


def test_ends_and_texts_do_not_go_together(tmp_path: Path) -> None:
    config = load_config(TINY | {"model": TINY["model"] | {"ends": True}}, "ends")
    dataset = open_dataset(DIGITS, config, tmp_path)
    with pytest.raises(TrainingError, match=r"model\.ends is for voices without texts"):
        resolve(config, dataset, torch.device("cpu"))


def told(**more: object) -> Config:
    told = {"features": "latent", "code_phonemes": 3.0, "codes": 32, "latent_channels": 32, **more}
    return load_config(TINY | {"conditioning": TINY["conditioning"] | told | {"f0": False}}, "told")


def test_a_code_learns_to_tell_what_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[coding.Telling, Sequence[Heard]]] = []

    class Watched(coding.Telling):
        def __init__(self, said: coding.Said, clips: Sequence[Heard], model: LatentModel) -> None:
            super().__init__(said, clips, model)
            made.append((self, clips))

    monkeypatch.setattr(coding, "Telling", Watched)
    digits = {f"{n}_jackson_{n + 5}.wav" for n in (5, 7, 8)}
    make_files(tmp_path / "said", {name: (DIGITS / name).read_bytes() for name in digits})
    config = told(latent_steps=200)
    dataset = open_dataset(tmp_path / "said", config, tmp_path)
    voice = new_voice(resolve(config, dataset, torch.device("cpu")), dataset)
    fit_speech(voice, dataset)
    assert isinstance(voice, LatentVoice)
    assert {name.split(".")[0] for name in voice.tensors()} == {"wavenet", "latent"}
    [(telling, clips)] = made
    units = [dataset.units[path].phones for path in dataset.split["train"]]
    phones = [p for u in units for w in u for p in w if p not in MARKS]
    assert telling.said.number == len({*phones}) >= 5
    assert sum(map(len, telling.said.phones)) == len(phones)
    with torch.inference_mode():
        for clip, said in zip(clips, telling.said.phones, strict=True):
            mel = clip.mel[None].float()
            found = voice.latent.quantise(voice.latent.latents(mel, torch.ones_like(mel[:, :1])))
            path = torch.unique_consecutive(telling.head(found.vectors)[0].argmax(1))
            assert path[path > 0].tolist() == said.tolist()


def test_phonemes_that_no_text_tells_are_one_clear_line(tmp_path: Path) -> None:
    config = told().replace("data", layout="flat")
    dataset = open_dataset(DIGITS, config, tmp_path)
    with pytest.raises(TrainingError, match=r"code_phonemes needs texts, and no clip in .*has one"):
        resolve(config, dataset, torch.device("cpu"))


def test_a_code_also_learns_from_clips_whose_texts_have_no_words(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {}
    for n, text in enumerate(("seven", "...", "eight")):
        files |= {f"{n}.wav": (DIGITS / "7_jackson_12.wav").read_bytes(), f"{n}.txt": text}
    make_files(tmp_path / "said", files)
    dataset = open_dataset(
        tmp_path / "said", told().replace("data", layout="sidecar"), tmp_path / "cache"
    )
    assert len(dataset.clips) == 3
    assert {*dataset.units} == {"0.wav", "2.wav"}
