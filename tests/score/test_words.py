"""How well texts fit recordings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from helpers import DIGITS

from wavegen.score.tracks import measure
from wavegen.score.words import Lexicon, fit
from wavegen.speech.frontend import read_clip
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
