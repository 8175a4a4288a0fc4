"""Text to words, phonemes and frame-rate features."""

import sys

import pytest
import torch

from wavegen.audio.features import mfcc
from wavegen.errors import TextError
from wavegen.model.prosody import DurationModel
from wavegen.speech.align import Aligner
from wavegen.speech.frontend import read_clip, read_text, symbol_ids, symbol_table
from wavegen.speech.phones import phone_channels, phone_features
from wavegen.text import espeak, phonemes

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def test_espeak_gives_phonemes_with_stress_by_word() -> None:
    assert phonemes(["seven"]) == [["s", "ˈɛ", "v", "ə", "n"]]
    assert len(phonemes(["four", "two"])) == 2


def test_texts_are_cut_to_the_longest_clip_of_training() -> None:
    units = read_text("one two three, four. five", 2, DIGITS)
    assert [u.words for u in units] == [("one", "two"), ("three", "four"), ("five",)]


def test_a_phoneme_the_voice_lacks_becomes_its_nearest_kin() -> None:
    unit = read_clip("seven")
    assert unit is not None
    symbols = ("_", "s", "ɛ", "v", "n")  # unstressed ɛ, and no ə
    assert symbol_ids(unit, symbols) == [[1, 2, 3, 4]]
    assert symbol_table([unit])[0] == "_"


def test_features_spread_phonemes_in_proportion() -> None:
    f = phone_features([[1, 2], [3]], [0.1, 0.3, 0.2], 60, 4)
    assert f.shape == (phone_channels(4), 60)
    middle = f[8:12]  # one-hot of the phoneme itself
    assert middle.sum(1).tolist() == [0, 10, 30, 20]
    assert f.isfinite().all()


def test_features_of_more_phonemes_than_frames_are_still_finite() -> None:
    assert phone_features([[1, 2, 3, 1, 2, 3]], [0.1] * 6, 2, 4).isfinite().all()


def test_the_duration_model_knows_phoneme_speaker_and_neighbours() -> None:
    torch.manual_seed(0)
    true = torch.tensor([0.0, 0.05, 0.10, 0.20])
    phones = [torch.randint(1, 4, (6,)).tolist() for _ in range(300)]
    speakers = [i % 2 for i in range(300)]

    def seconds(ids: list[int], speaker: int) -> list[float]:
        final = [1.0] * (len(ids) - 1) + [2.0]  # the last one before a pause is twice as long
        pace = (1.0, 1.5)[speaker]
        return [float(true[p]) * pace * f for p, f in zip(ids, final, strict=True)]

    lengths = [seconds(ids, s) for ids, s in zip(phones, speakers, strict=True)]
    model = DurationModel(4, 2)
    model.fit(phones, lengths, speakers)
    for speaker in (0, 1):
        want = torch.tensor(seconds([1, 2, 3, 1], speaker))
        assert torch.allclose(model(torch.tensor([1, 2, 3, 1]), speaker), want, rtol=0.1)


def made_up_clip(ids: list[int], lengths: list[int]) -> torch.Tensor:
    """(F, 39) features: every symbol has its own mean, silence a low first coefficient."""
    means = torch.randn(5, 39, generator=torch.Generator().manual_seed(1)) * 2
    means[:, 0] = 4
    means[0, 0] = -8
    at = torch.repeat_interleave(torch.tensor(ids), torch.tensor(lengths))
    return means[at] + 0.3 * torch.randn(len(at), 39)


def test_the_aligner_finds_boundaries_it_was_never_told() -> None:
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(2)
    features, texts, truth = [], [], []
    for _ in range(80):
        ids = torch.randperm(4, generator=random).add(1)[:3].tolist()
        lengths = torch.randint(5, 20, (3,), generator=random).tolist()
        quiet = int(torch.randint(0, 2, (1,), generator=random)) * 12  # at the end, in half
        features.append(made_up_clip([*ids, 0], [*lengths, quiet]))
        texts.append([ids[:2], ids[2:]])
        truth.append((ids, lengths, quiet))
    aligner = Aligner(5, 1)
    aligner.fit(features, texts, [0] * 80)
    wrong = 0
    for x, words, (ids, lengths, quiet) in zip(features, texts, truth, strict=True):
        got = aligner.align(x, words, 0)
        assert sum(got.frames) == len(x)
        found = [p for w in got.words for p in w]
        if found != [*ids, *([0] if quiet else [])]:
            wrong += 1
            continue
        wrong += any(abs(a - b) > 1 for a, b in zip(got.frames, lengths, strict=False))
    assert wrong <= 4


def test_a_clip_too_short_for_its_text_is_spread_evenly() -> None:
    got = Aligner(5, 1).align(torch.randn(4, 39), [[1, 2], [3]], 0)
    assert got.words == ((1, 2), (3,))
    assert sum(got.frames) == 4


def test_mel_cepstra_have_a_row_for_every_frame_begun() -> None:
    for samples in (1, 79, 80, 81, 4000):
        x = mfcc(torch.randn(samples) * 0.1, 8000, 80)
        assert x.shape == (-(-samples // 80), 26)
        assert mfcc(torch.randn(samples), 8000, 40, 2).shape == (-(-samples // 40), 39)
        assert x.isfinite().all()
    assert mfcc(torch.zeros(800), 8000, 80).isfinite().all()


def test_without_espeak_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    espeak._espeak.cache_clear()
    espeak._speaking.cache_clear()
    espeak._phonemes.cache_clear()
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(TextError, match=r"wavegen\[espeak\]"):
        phonemes(["one"])
    monkeypatch.undo()
    assert phonemes(["one"])
