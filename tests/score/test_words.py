"""How well texts fit recordings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from helpers import DIGITS

from wavegen.model.content import ContentModel
from wavegen.model.part import Part
from wavegen.score.tracks import measure
from wavegen.score.words import Lexicon, fit
from wavegen.speech.alignment import Alignment
from wavegen.speech.frontend import read_clip
from wavegen.speech.hearing import frame_states
from wavegen.voice import SpeakingVoice

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture(scope="module")
def lexicon(tiny_voice: SpeakingVoice) -> Lexicon:
    return Lexicon.of(tiny_voice)


def test_the_lexicon_has_all_words_of_the_voice_once(
    tiny_voice: SpeakingVoice, lexicon: Lexicon
) -> None:
    assert len(lexicon.ends) == len(tiny_voice.words)
    assert lexicon.ends[-1] == len(lexicon.symbols)
    twice = replace(tiny_voice, words=(*tiny_voice.words, *tiny_voice.words))
    assert np.array_equal(Lexicon.of(twice).symbols, lexicon.symbols)
    parts = np.split(lexicon.symbols, lexicon.ends[:-1])
    assert sorted(map(tuple, parts)) == [*map(tuple, parts)]
    assert lexicon.symbols.min() >= tiny_voice.aligner.silent


def test_other_words_fit_better_than_a_wrong_text(
    tiny_voice: SpeakingVoice, lexicon: Lexicon
) -> None:
    right, wrong = [], []
    who = tiny_voice.weights(tiny_voice.who(tiny_voice.speakers[0]))[0]
    for digit in range(10):
        [file] = DIGITS.glob(f"{digit}_{tiny_voice.speakers[0]}_*.wav")
        audio = torch.from_numpy(soundfile.read(file, dtype="float32")[0])
        for name, found in ((NAMES[digit], right), (NAMES[(digit + 3) % 10], wrong)):
            unit = read_clip(name, tiny_voice.config.data.language)
            assert unit is not None
            speaker = torch.from_numpy(who)
            alignment = tiny_voice.align(unit, speaker, audio)
            fitting = fit(tiny_voice, audio, speaker, alignment, lexicon)
            assert len(fitting.misfit) == len(fitting.rivals) == sum(alignment.frames)
            assert (fitting.misfit >= 0).all()
            found.append((fitting.rivals.max(), fitting.misfit.mean()))
            tracks = measure(tiny_voice, audio, who, unit, lexicon=lexicon)
            inner = fitting.rivals[2:-2].astype(np.float32)
            assert np.array_equal(tracks.values["rivals"][2:-2, 0], inner)
    assert np.mean([r for r, _ in wrong]) > np.mean([r for r, _ in right]) + 1
    assert np.mean([m for _, m in wrong]) > np.mean([m for _, m in right])


def seven(voice: SpeakingVoice) -> tuple[torch.Tensor, torch.Tensor, Alignment]:
    """A recording of the first speaker, the speaker's weights, and how it is aligned."""
    [file] = DIGITS.glob(f"7_{voice.speakers[0]}_*.wav")
    audio = torch.from_numpy(soundfile.read(file, dtype="float32")[0])
    speaker = torch.from_numpy(voice.weights(voice.who(voice.speakers[0]))[0])
    unit = read_clip("seven", voice.config.data.language)
    assert unit is not None
    alignment = voice.align(unit, speaker, audio)
    return audio, speaker, alignment


def test_a_content_model_tells_which_words_fit(
    tiny_voice: SpeakingVoice, lexicon: Lexicon, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, speaker, alignment = seven(tiny_voice)
    model = ContentModel(len(tiny_voice.symbols), 1, 4, 8)
    voice = replace(tiny_voice, content_part=Part(lambda: model))
    heard = torch.nn.functional.one_hot(frame_states(alignment), 3 * len(voice.symbols)).float()
    monkeypatch.setattr(model, "likelihoods", lambda mel: heard.clone())
    fitting = fit(voice, audio, speaker, alignment, lexicon)
    assert fitting.rivals.max() == 0
    assert fitting.misfit.max() == 0
    monkeypatch.setattr(model, "likelihoods", lambda mel: heard.flip(0))
    fitting = fit(voice, audio, speaker, alignment, lexicon)
    assert fitting.rivals.max() > 0
    assert fitting.misfit.max() > 0


def test_a_content_model_of_the_voice_is_asked(tiny_voice: SpeakingVoice, lexicon: Lexicon) -> None:
    audio, speaker, alignment = seven(tiny_voice)
    bands = tiny_voice.config.conditioning.mel_channels
    model = ContentModel(len(tiny_voice.symbols), len(tiny_voice.speakers), bands, 8).eval()
    voice = replace(tiny_voice, content_part=Part(lambda: model))
    heard = fit(voice, audio, speaker, alignment, lexicon)
    assert len(heard.misfit) == len(heard.rivals) == sum(alignment.frames)
    assert np.isfinite(heard.misfit).all()
    assert np.isfinite(heard.rivals).all()
    known = fit(tiny_voice, audio, speaker, alignment, lexicon)
    assert not np.array_equal(heard.misfit, known.misfit)
