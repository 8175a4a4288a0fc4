"""Features predicted from phonemes: drawn, by the seed alone."""

from dataclasses import replace

import pytest
import torch

from wavegen.audio.local_features import LocalFeatures
from wavegen.model.acoustic import AcousticModel
from wavegen.request import Request
from wavegen.speech.aligner import Alignment
from wavegen.speech.predict import predict_features, predict_mel

WORDS = [[3, 4, 5], [6, 3, 7]]


@pytest.fixture
def model() -> AcousticModel:
    """Random weights, none of them zero."""
    torch.manual_seed(0)
    model = AcousticModel(8, 2, 5, 16).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
        model.prosody.pitch.bias[0] = 9.0  # all is voiced
    model.prosody.duration_spread.fill_(1.0)
    return model


def said(model: AcousticModel, words: list[list[int]] = WORDS, **style: float) -> LocalFeatures:
    request = Request(**style)
    return predict_features(model, words, 0, 3, request, 8000, 80)[1]


def same(a: LocalFeatures, b: LocalFeatures) -> bool:
    return a.frames == b.frames and all(
        torch.equal(t, u) for t, u in zip(a.tensors.values(), b.tensors.values(), strict=True)
    )


def test_a_seed_tells_everything_that_is_drawn(model: AcousticModel) -> None:
    first = said(model, seed=1)
    torch.manual_seed(5)
    said(model, [[4]], seed=1)
    assert same(said(model, seed=1), first)
    assert said(model).mel.shape == (5, said(model).frames)


def test_seeds_are_different_readings(model: AcousticModel) -> None:
    takes = [said(model, seed=n) for n in range(4)]
    assert len({t.frames for t in takes}) > 1
    model.prosody.duration_spread.zero_()
    a, b = said(model, seed=1), said(model, seed=2)
    assert a.frames == b.frames
    assert (a.octaves - b.octaves).abs().mean() > 0.01
    assert (a.mel - b.mel).abs().mean() > 0.01


def test_without_noise_every_seed_is_the_average(model: AcousticModel) -> None:
    assert same(said(model, seed=1, noise_scale=0.0), said(model, seed=2, noise_scale=0.0))


def test_sentences_of_one_seed_have_noise_of_their_own(model: AcousticModel) -> None:
    model.prosody.duration_spread.zero_()
    texts = [[3, 4] * 8], [[4, 3] * 8]
    a, b = (said(model, words, seed=1) for words in texts)
    n = min(a.frames, b.frames)
    flat = [said(model, words, seed=1, noise_scale=0.0) for words in texts]
    strayed = [t.octaves[:n] - f.octaves[:n] for t, f in zip((a, b), flat, strict=True)]
    assert torch.corrcoef(torch.stack(strayed))[0, 1].abs() < 0.9


def test_pitch_shifts_by_semitones_where_voiced(model: AcousticModel) -> None:
    plain, high = said(model, seed=1), said(model, seed=1, pitch_shift=6)
    assert torch.allclose(high.octaves, plain.octaves + 0.5 * plain.voicing, atol=1e-5)


def test_a_recordings_spectrum_is_predicted_alike_each_time(model: AcousticModel) -> None:
    alignment = Alignment(((0,), (3, 4)), (2, 5, 4))
    other = replace(alignment, frames=(2, 4, 5))
    local = said(model, seed=1).cut(0, 11)
    drawn = predict_mel(model, local, alignment, 0)
    assert drawn.mel.shape == (5, 11)
    assert torch.equal(drawn.loudness, drawn.mel.mean(0))
    assert same(drawn, predict_mel(model, local, alignment, 0))
    assert not torch.equal(drawn.mel, predict_mel(model, local, other, 0).mel)
