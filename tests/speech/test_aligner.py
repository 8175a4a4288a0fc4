"""Alignment: silences and marks, and boundaries that nobody told."""

import copy

import pytest
import torch
from helpers import COMMA, STOP, made_up

from wavegen.speech.aligner import ROUNDS, Aligner
from wavegen.speech.alignment import Alignment


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


def test_silence_at_a_mark_is_the_marks_and_a_skipped_mark_has_no_frames(
    fitted: tuple[Aligner, list[torch.Tensor], list[list[list[int]]]],
) -> None:
    aligner, features, texts = fitted
    right = 0
    for n, (x, text) in enumerate(zip(features, texts, strict=True)):
        got = aligner.align(x, text, 0)
        assert sum(got.frames) == len(x)
        assert got.words == ((0,), *(tuple(w) for w in text))
        quiet = [got.frames[i] for i in (0, 3, 6)]
        right += all(abs(a - b) <= 1 for a, b in zip(quiet, (12, 20 * (n % 2), 15), strict=True))
    assert right >= 57


def test_of_marks_in_a_row_the_first_is_silent_and_an_unmarked_pause_is_a_pause(
    fitted: tuple[Aligner, list[torch.Tensor], list[list[list[int]]]],
) -> None:
    aligner = fitted[0]
    x = made_up([3, 4, 0, 5, 6, 0], [20, 20, 18, 20, 20, 14], torch.Generator().manual_seed(5))
    got = aligner.align(x, [[3, 4], [5, 6], [COMMA], [STOP]], 0)
    assert got.words == ((3, 4), (0,), (5, 6), (COMMA,), (STOP,))
    assert got.frames[5:] == (14, 0)
    assert abs(got.frames[2] - 18) <= 1


def test_only_marks_and_clips_of_a_few_frames_have_an_alignment(
    fitted: tuple[Aligner, list[torch.Tensor], list[list[list[int]]]],
) -> None:
    aligner = fitted[0]
    for frames in (1, 4, 40):
        for text in ([[STOP]], [[COMMA], [3], [STOP]]):
            got = aligner.align(torch.randn(frames, 39), text, 0)
            assert sum(got.frames) == frames


def test_frames_of_another_rate_keep_the_length_and_the_marks() -> None:
    got = Alignment(((0,), (3, 4), (1,), (5,), (0,)), (1, 5, 6, 0, 9, 4)).at_rate(2, 13)
    assert got.words == ((3, 4), (1,), (5,), (0,))
    assert got.frames == (3, 3, 0, 4, 3)


def test_the_parts_of_a_phoneme_are_told_apart() -> None:
    random = torch.Generator().manual_seed(3)
    means = 2 * torch.randn(4, 1, 39, generator=random) + torch.randn(4, 3, 39, generator=random)
    means[:, :, 0], means[0, :, 0] = 4, -8
    features, texts, truth = [], [], []
    for _ in range(40):
        ids = torch.randperm(3, generator=random).add(1).tolist()
        lengths = torch.randint(3, 12, (3, 3), generator=random)
        at = torch.repeat_interleave(means[ids].flatten(0, 1), lengths.flatten(), dim=0)
        quiet = means[0, :1].expand(10, -1)
        x = torch.cat([quiet, at, quiet])
        features.append(x + 0.3 * torch.randn(x.shape, generator=random))
        texts.append([ids])
        truth.append(lengths)
    aligner = Aligner(4, 1)
    aligner.fit(features, texts, [0] * 40)
    right = 0
    for x, words, lengths in zip(features, texts, truth, strict=True):
        got = aligner.align(x, words, 0)
        assert [sum(s) for s in got.states] == pytest.approx(got.frames)
        right += got.words == ((0,), tuple(words[0]), (0,)) and bool(
            (torch.tensor(got.states[1:4]) - lengths).abs().max() <= 1
        )
        slow = got.at_rate(2, -(-len(x) // 2))
        assert [sum(s) for s in slow.states] == pytest.approx(slow.frames)
        assert (torch.tensor(slow.states) - torch.tensor(got.states) / 2).abs().max() <= 1
    assert right >= 36


def test_what_has_no_marks_is_punctuated_by_its_silences() -> None:
    heard = Alignment(((0,), (3, 4), (0,), (5,), (0,), (6,), (0,)), (9, 5, 6, 15, 7, 14, 3, 1))
    got = heard.punctuated(("_", ",", ".", "a", "b", "c", "d"), 15)
    assert got.words == ((0,), (3, 4), (1,), (5,), (0,), (6,), (2,))
    assert got.frames == heard.frames
    assert heard.punctuated(("_", "a", "b", "c", "d", "e", "f"), 15) == heard


def test_an_aligner_is_adapted_without_forgetting_what_the_clips_lack(
    fitted: tuple[Aligner, list[torch.Tensor], list[list[list[int]]]],
) -> None:
    prior, _, _ = fitted
    random = torch.Generator().manual_seed(3)
    new = [made_up([3, 4, STOP], [20, 20, 12], random) for _ in range(4)]
    shifted = [x + 0.5 * (x[:, :1] > 0) for x in new]  # another voice, and only two phonemes
    adapted = copy.deepcopy(prior)
    adapted.fit(shifted, [[[3, 4], [STOP]]] * 4, [0] * 4, first=ROUNDS, prior=prior)
    moved = (adapted.mean - prior.mean).abs().amax((1, 2))
    assert (moved[3:5] > 0.05).all()
    assert (moved[5:] < 1e-5).all()
    assert adapted.align(shifted[0], [[3, 4], [STOP]], 0).frames[:2] == pytest.approx(
        (20, 20), abs=1
    )
