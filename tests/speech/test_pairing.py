"""Written words and the phonemes they are spoken as."""

from wavegen.speech.pairing import pair_words
from wavegen.text import phonemes


def test_joined_words_are_paired_with_what_is_said() -> None:
    words = ["author", "of", "the", "danger", "trail"]
    groups = pair_words(words, phonemes(words))
    assert [list(w) for w, _ in groups] == [[0], [1, 2], [3], [4]]
    assert [list(p) for _, p in groups] == [[0], [1], [2], [3]]
    assert pair_words(["a"] * 9, [["x"]]) == [(range(9), range(1))]
