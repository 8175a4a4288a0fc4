"""What becomes of takes of a voice without texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluate_unconditional import as_music, by_heart, copies, stability, takes_from_nothing
from helpers import DIGITS, free_voice

from wavegen.assembly import untrained
from wavegen.config import Config
from wavegen.data.dataset import open_dataset
from wavegen.errors import DataError
from wavegen.latents import LatentVoice
from wavegen.library import load_voice


def test_takes_fall_quiet_run_away_or_turn_to_noise(tmp_path: Path) -> None:
    voice = load_voice(free_voice(tmp_path / "free.safetensors"))  # it makes noise
    random = np.random.default_rng(0)
    tone = np.sin(np.arange(40000) * 0.1) * random.uniform(0.9, 1.1, 40).repeat(1000)
    noise = random.normal(0, 1, 40000)
    outcomes = {
        "share that fall quiet": (5.0, tone),
        "share that run away": (0.001, tone),
        "share that go on": (None, noise),
    }
    made = takes_from_nothing(voice, 4, 0.4, 1.0)
    level = stability(voice, made, [(tone, 0)])["dB of the last quarter, median"]
    loud = 10 ** (level / 20)
    for name, (factor, sound) in outcomes.items():
        scale = loud * (1 if factor is None else factor) / np.sqrt(np.mean(sound**2))
        spread = random.uniform(0.5, 2, 40).repeat(1000) if factor is None else 1
        held = [((sound * scale * spread).astype(np.float32), 0)]
        assert stability(voice, made, held)[name] == 1, name


def test_music_is_told_by_its_notes_and_beats() -> None:
    rate = 16000
    t = np.arange(4 * rate) / rate
    beat = np.exp(-20 * (t % 0.5))
    scale = 220 * 2 ** ((t // 0.5) * 2 / 12)
    noise = np.random.default_rng(0).normal(0, 0.1, len(t)).astype(np.float32)
    tune = (0.3 * beat * np.sin(2 * np.pi * np.cumsum(scale) / rate)).astype(np.float32)
    tune += 0.01 * noise
    of_tune, of_noise = as_music(tune, rate), as_music(noise, rate)
    assert 2 <= of_tune["onsets a second"] <= 3
    assert of_tune["recurrence of beats"] > 0.5 > of_noise["recurrence of beats"]
    assert of_tune["bits of chroma"] < 2.5 < 3 < of_noise["bits of chroma"]
    assert of_tune["change of chroma"] > of_noise["change of chroma"]
    assert as_music(np.zeros(4 * rate, np.float32), rate)["bits of chroma"] > 3.5


def test_recordings_shorter_than_a_quarter_of_a_take(tmp_path: Path) -> None:
    voice = load_voice(free_voice(tmp_path / "free.safetensors"))
    made = [np.zeros(2 * voice.sample_rate, np.float32)]
    with pytest.raises(DataError, match=r"no held-out recording lasts 0\.5 s.*--seconds"):
        stability(voice, made, [(np.zeros(100, np.float32), 0)])


def test_what_is_known_by_heart_is_told(tmp_path: Path, tiny_config: Config) -> None:
    told = {"features": "latent", "codes": 8, "latent_channels": 8}
    config = tiny_config.replace("conditioning", **told)
    voice, data = untrained(config, (), ()), open_dataset(DIGITS, config, tmp_path)
    assert isinstance(voice, LatentVoice)
    heard = [voice.encode_recording(data.audio(p), p) for p in data.split["train"][:4]]
    known = replace(heard[0], codes=np.concatenate([h.codes for h in heard])[:100])
    assert len(known.codes) == 100  # two seconds
    assert by_heart(voice, data, [known]) == 1
    other = replace(known, codes=known.codes + np.uint16(8))
    assert by_heart(voice, data, [known, other]) == 0.5
    found = copies(voice, [(np.tile(data.audio(data.split["train"][0]), 8), 0)])
    assert len(found) == 8
    assert np.isfinite([*found.values()]).all()
