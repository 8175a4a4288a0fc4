"""Phonemes in context as features."""

import numpy as np

from wavegen.speech.phones import phone_channels, phone_features


def test_features_hold_each_phoneme_for_its_frames() -> None:
    f = phone_features([[1, 2], [3]], [10, 30, 20], 4)
    assert f.shape == (phone_channels(4), 60)
    middle = f[8:12]  # one-hot of the phoneme itself
    assert middle.sum(1).tolist() == [0, 10, 30, 20]
    assert np.isfinite(f).all()


def test_features_of_more_phonemes_than_frames_are_still_finite() -> None:
    assert np.isfinite(phone_features([[1, 2, 3, 1, 2, 3]], [0, 1, 0, 0, 1, 0], 4)).all()


def test_features_pass_over_symbols_without_frames() -> None:
    words, frames = [[3], [1], [4, 5], [2]], [4, 0, 3, 3, 0]
    x = phone_features(words, frames, 7)
    assert x.shape == (phone_channels(7), 10)
    assert np.isfinite(x).all()
    middle = x[2 * 7 : 3 * 7].argmax(0)
    assert middle.tolist() == [3] * 4 + [4] * 3 + [5] * 3
    assert x[7 + 1, 4] == 1  # though skipped, the mark is known of
