"""Texts that do not match their clips."""

import torch
from helpers import STOP

from wavegen.speech.aligner import Aligner
from wavegen.speech.misfit import misfits


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
