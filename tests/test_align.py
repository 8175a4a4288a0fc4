"""Alignment: silences and marks, texts that do not fit, and the command."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import DIGITS, Result

from wavegen.speech.align import Aligner, Alignment
from wavegen.speech.misfit import misfits
from wavegen.speech.pairing import pair_words
from wavegen.speech.phones import phone_channels, phone_features
from wavegen.text import phonemes

COMMA, STOP = 1, 2
"""Marks of the made-up voice; its phonemes are 3 to 6."""


def made_up(ids: list[int], lengths: list[int], random: torch.Generator) -> torch.Tensor:
    """(F, 39) features: every symbol has its own mean, all silence a low first coefficient."""
    means = torch.randn(7, 39, generator=torch.Generator().manual_seed(1)) * 2
    means[:, 0] = 4
    means[: STOP + 1] = 0
    means[: STOP + 1, 0] = -8
    at = torch.repeat_interleave(torch.tensor(ids), torch.tensor(lengths))
    return means[at] + 0.3 * torch.randn(len(at), 39, generator=random)


@pytest.fixture(scope="module")
def fitted() -> tuple[Aligner, list[torch.Tensor], list[list[list[int]]]]:
    """An aligner that has learned "AB, CD." from clips with silence at the marks, and theirs."""
    random = torch.Generator().manual_seed(2)
    features, texts = [], []
    for n in range(60):
        ids = torch.randperm(4, generator=random).add(3).tolist()
        lengths = torch.randint(10, 30, (4,), generator=random).tolist()
        quiet = 20 * (n % 2)
        order = [0, *ids[:2], COMMA, *ids[2:], STOP]
        features.append(made_up(order, [12, *lengths[:2], quiet, *lengths[2:], 15], random))
        texts.append([ids[:2], [COMMA], ids[2:], [STOP]])
    aligner = Aligner(7, 0, silent=3)
    aligner.fit(features, texts, [0] * 60)
    return aligner, features, texts


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


def test_features_pass_over_symbols_without_frames() -> None:
    words, frames = [[3], [1], [4, 5], [2]], [4, 0, 3, 3, 0]
    x = phone_features(words, frames, 7)
    assert x.shape == (phone_channels(7), 10)
    assert x.isfinite().all()
    middle = x[2 * 7 : 3 * 7].argmax(0)
    assert middle.tolist() == [3] * 4 + [4] * 3 + [5] * 3
    assert x[7 + 1, 4] == 1  # though skipped, the mark is known of


def test_texts_of_other_clips_are_found(
    fitted: tuple[Aligner, list[torch.Tensor], list[list[list[int]]]],
) -> None:
    aligner, features, texts = fitted
    scores, wrong = misfits(aligner, features.__getitem__, texts, [0] * 60)
    assert len(scores) == 60
    assert wrong == []
    swapped = list(texts)
    swapped[5], swapped[20] = [texts[5][2], *texts[5][1::-1], [STOP]], [[3] * 200]
    _, wrong = misfits(aligner, features.__getitem__, swapped, [0] * 60)
    assert wrong == [5, 20]


def test_joined_words_are_paired_with_what_is_said() -> None:
    words = ["author", "of", "the", "danger", "trail"]
    groups = pair_words(words, phonemes(words))
    assert [list(w) for w, _ in groups] == [[0], [1, 2], [3], [4]]
    assert [list(p) for _, p in groups] == [[0], [1], [2], [3]]
    assert pair_words(["a"] * 9, [["x"]]) == [(range(9), range(1))]


def tiers(text: str) -> dict[str, list[tuple[float, float, str]]]:
    """The tiers of a TextGrid."""
    found = {}
    for part in text.split("item [")[2:]:
        name = re.search(r'name = "(.*)"', part)
        rows = re.findall(r'\]:\nxmin = (\S+)\nxmax = (\S+)\ntext = "(.*)"', part)
        assert name
        assert f"intervals: size = {len(rows)}" in part
        found[name[1]] = [(float(a), float(b), t) for a, b, t in rows]
    return found


def test_align_writes_intervals_that_tile_each_clip(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = cli("align", DIGITS, "--recipe", "digits", "-o", out, "--plot", "7_yweweler_12.wav")
    assert done.code == 0, done.err
    assert "aligned 60 clips" in done.err
    assert (out / "7_yweweler_12.png").stat().st_size > 10_000
    grids = sorted(out.glob("*.TextGrid"))
    assert len(grids) == 60
    for grid in grids:
        found = tiers(grid.read_text("utf-8"))
        assert list(found) == ["words", "phones"]
        about = json.loads(grid.with_suffix(".json").read_text("utf-8"))
        assert about["clip"] == f"{grid.stem}.wav"
        for name, rows in found.items():
            ends = [b for _, b, _ in rows]
            assert [a for a, _, _ in rows] == [0.0, *ends[:-1]]
            assert (np.diff([0.0, *ends]) > 0).all()
            said = [{"label": t, "start": a, "end": b} for a, b, t in rows if t]
            assert said == about[name]
        assert len(about["words"]) == 1
    again = cli("align", DIGITS, "--recipe", "digits", "-o", out)
    assert again.code == 2
    assert "--force" in again.err


def test_wrong_arguments_of_align(
    cli: Callable[..., Result], tone: Callable[..., Path], tmp_path: Path
) -> None:
    done = cli("align", DIGITS, "--recipe", "digits", "-o", tmp_path / "a", "--plot", "x.wav")
    assert done.code == 2
    assert "x.wav" in done.err
    assert not (tmp_path / "a").exists()
    tone(tmp_path / "b" / "tone.wav")
    done = cli("align", tmp_path / "b", "-o", tmp_path / "c")
    assert done.code == 2
    assert "has a text" in done.err
    done = cli("align", DIGITS, "-o", tmp_path / "b" / "tone.wav")
    assert done.code == 2
    assert "is a file" in done.err
