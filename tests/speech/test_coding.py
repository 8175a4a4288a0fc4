"""Training of the model of a discrete code."""

from __future__ import annotations

import io
import itertools
import logging
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from wavegen.errors import TrainingError
from wavegen.model.latent import LatentModel
from wavegen.speech import coding, descent
from wavegen.speech.coding import WHOLE, Said, Telling, fit, use, usual_pitch
from wavegen.speech.descent import Descent
from wavegen.speech.frontend import Unit
from wavegen.speech.hearing import Heard

BANDS, SOUNDS, EACH = 16, 4, 6
FREQUENCIES = torch.linspace(0.05, 1, BANDS)


def sounds(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(1, 1 + SOUNDS, (8,), generator=generator)


def utterance(speaker: int, seed: int) -> Heard:
    """A row of sounds, k of which is loud at k; the second speaker has more of all high bands."""
    row = sounds(seed).repeat_interleave(EACH)
    mel = -(((torch.arange(BANDS)[:, None] - 3 * row) / 2.0) ** 2).clamp(max=4) / 2
    mel = mel + speaker * torch.linspace(-0.5, 0.5, BANDS)[:, None]
    voicing = torch.ones(len(row))
    octaves = torch.full((len(row),), speaker - 0.5)
    return Heard(speaker, voicing, octaves, mel, torch.zeros(len(row), dtype=torch.int64))


def model(codes: int = 16) -> LatentModel:
    torch.manual_seed(0)
    return LatentModel(2, BANDS, 16, codes, 2)


def test_the_codes_of_one_speaker_are_said_by_another() -> None:
    clips = [utterance(n % 2, n) for n in range(40)]
    coder = model()
    found = fit(coder, clips, FREQUENCIES, Descent(150, 0))
    assert not coder.training
    assert found.collapsed is None
    assert found.perplexity > 4
    assert coder.pitch.tolist() == [-0.5, 0.5]
    mine, theirs = utterance(0, 99), utterance(1, 99)
    mask = torch.ones(1, 1, mine.mel.shape[1])
    with torch.inference_mode():
        quantised = coder.quantise(coder.latents(mine.mel[None], mask))
        content = coder.at_frames(quantised.vectors, mine.mel.shape[1])
        errors = {}
        for speaker, like in ((0, mine), (1, theirs)):
            who = torch.tensor([speaker])
            made = coder.spoken(content, who, like.voicing[None], like.octaves[None], mask)[0]
            errors[speaker] = [float((made - r.mel).abs().mean()) for r in (mine, theirs)]
    assert errors[0][0] < 0.8 * errors[0][1]
    assert errors[1][1] < 0.8 * errors[1][0]


def test_what_is_too_long_or_too_fast_is_not_told() -> None:
    long, fast = utterance(0, 0), utterance(0, 1)
    long = long._replace(mel=torch.zeros(BANDS, WHOLE + 1))
    right, unknown = utterance(0, 2), utterance(1, 3)
    phones = [sounds(0), torch.ones(13, dtype=torch.int64), sounds(2), sounds(3)[:0]]
    torch.manual_seed(0)
    telling = Telling(Said(phones, SOUNDS, 0.5), [long, fast, right, unknown], model())
    assert telling.told == [False, False, True, False]
    vectors = torch.randn(3, 24, 64)
    whole = telling.loss(vectors, [1, 2, 3])
    alone = telling.head.loss(vectors[1:2], torch.tensor([24]), [sounds(2)])
    assert torch.allclose(whole, alone / 2)
    assert float(telling.loss(vectors, [0, 1, 3])) == 0
    with pytest.raises(TrainingError, match="no training clip with a text that has at most 1000"):
        Telling(Said(phones[:2], SOUNDS, 0.5), [long, fast], model())


def test_marks_and_pauses_are_not_told() -> None:
    units = Unit(("so", "no"), (("s", "oʊ"), (",",), ("n", "oʊ"), (".",))), None
    said = Said.of(units, 0.5)
    assert said.number == 3
    assert [p.tolist() for p in said.phones] == [[3, 2, 1, 2], []]


@pytest.mark.parametrize("texts", [False, True])
def test_fitting_goes_on_from_any_saved_state(texts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    said = Said([sounds(n) for n in range(4)], SOUNDS, 0.3) if texts else None
    monkeypatch.setattr(descent, "time", SimpleNamespace(monotonic=itertools.count(0, 40).__next__))
    clips = [utterance(n % 2, n) for n in range(4)]
    saved: list[bytes] = []

    def save(state: dict[str, Any]) -> None:
        buffer = io.BytesIO()
        torch.save(state, buffer)
        saved.append(buffer.getvalue())

    whole, part = model(), model()
    found = fit(whole, clips, FREQUENCIES, Descent(25, 0, save=save), said)
    assert saved
    state = torch.load(io.BytesIO(saved[0]), weights_only=True)
    assert state["step"] < 25
    assert fit(part, clips, FREQUENCIES, Descent(25, 0, state=state), said) == found
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, part.state_dict()[name]), name


def test_the_use_of_the_codes_is_told_on_the_way(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(coding, "LOG_EVERY", 2)
    with caplog.at_level(logging.INFO, "wavegen"):
        fit(model(), [utterance(0, 0)], FREQUENCIES, Descent(5, 0))
    assert [r.message.partition(":")[0] for r in caplog.records] == [
        "latent code, step 2",
        "latent code, step 4",
    ]
    assert " of 16 codes, perplexity " in caplog.text


def test_a_codebook_that_has_collapsed_is_told() -> None:
    even, one = torch.full((1, 64), 9.0), torch.zeros(1, 64)
    one[0, 3] = 500
    assert use(even).collapsed is None
    said = use(one).collapsed
    assert said is not None
    assert "1 of 64 codes are used, with a perplexity of 1.0" in said


def test_the_usual_f0_of_a_speaker_who_is_not_heard_is_that_of_all() -> None:
    assert usual_pitch([utterance(1, 0)], 2).tolist() == [0.5, 0.5]
    silent = utterance(0, 0)._replace(voicing=torch.zeros(48))
    assert usual_pitch([silent], 1).tolist() == [0]
