"""Text to words, phonemes and frame-rate features."""

import pytest
import torch

from wavegen.model.prosody import DurationModel
from wavegen.speech.frontend import read_clip, read_text, symbol_ids, symbol_table
from wavegen.speech.phones import phone_channels, phone_features
from wavegen.text import normalise, phonemes

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("four two seven", ["four two seven"]),
        ("Hello, world!", ["hello", "world"]),
        ("It cost 1,250.", ["it cost one thousand two hundred and fifty"]),
        ("3.5 apples", ["three point five apples"]),
        ("007", ["zero zero seven"]),
        ("don't-stop", ["don't stop"]),
        ("a\nb", ["a", "b"]),
        ("🎉🎉", []),
        ("…!?", []),
        ("", []),
    ],
)
def test_texts_become_phrases_of_words(text: str, words: list[str]) -> None:
    assert [" ".join(p) for p in normalise(text)] == words


def test_numbers_are_read_by_digits_to_a_voice_that_knows_no_others() -> None:
    assert normalise("427", DIGITS) == [["four", "two", "seven"]]
    assert normalise("427", [*DIGITS, "hundred", "and", "twenty"])[0][1] == "hundred"


def test_espeak_gives_phonemes_with_stress_by_word() -> None:
    assert phonemes(["seven"]) == [["s", "ˈɛ", "v", "ə", "n"]]
    assert len(phonemes(["four", "two"])) == 2


def test_texts_are_cut_to_the_longest_clip_of_training() -> None:
    units = read_text("one two three, four", 2, DIGITS)
    assert [u.words for u in units] == [("one", "two"), ("three",), ("four",)]


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


def test_the_duration_model_recovers_lengths_from_sums() -> None:
    torch.manual_seed(0)
    true = torch.tensor([0.0, 0.05, 0.10, 0.20])
    phones = [torch.randint(1, 4, (5,)).tolist() for _ in range(200)]
    speakers = [i % 2 for i in range(200)]
    seconds = [float(true[p].sum()) * (1.0, 1.5)[s] for p, s in zip(phones, speakers, strict=True)]
    model = DurationModel(4, 2)
    assert model.fit(phones, speakers, seconds) < 0.05
    slow, fast = model(torch.tensor([1, 2, 3]), 1), model(torch.tensor([1, 2, 3]), 0)
    assert torch.allclose(slow / fast, torch.tensor(1.5), rtol=0.05)
    assert torch.allclose(fast, true[1:], rtol=0.2)
