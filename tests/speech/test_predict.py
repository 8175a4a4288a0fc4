"""Features predicted from phonemes: drawn, by the seed alone."""

import copy

import numpy as np
import pytest
import torch

from wavegen.audio.local_features import LocalFeatures
from wavegen.model.acoustic import AcousticModel
from wavegen.model.weights import Weights
from wavegen.request import Request
from wavegen.speakers import SpeakerPath, find_speakers
from wavegen.speech.alignment import Alignment
from wavegen.speech.predict import predict_features, predict_mel

WHO = np.array([1, 0], np.float32)
WORDS = [[3, 4, 5], [6, 3, 7]]


@pytest.fixture
def model() -> AcousticModel:
    """Random weights, none of them zero."""
    torch.manual_seed(0)
    model = AcousticModel(8, 2, 5, 16, 16).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
        model.prosody.pitch.bias[0] = 9.0  # all is voiced
    model.prosody.duration_spread.fill_(1.0)
    return model


def said(
    model: AcousticModel, words: list[list[int]] = WORDS, speaker: str = "a", **style: float
) -> LocalFeatures:
    request = Request(**style)
    who = find_speakers(("a", "b"), speaker)
    return predict_features(Weights.of(model), words, who, 3, request, 8000, 80)[1]


def same(a: LocalFeatures, b: LocalFeatures) -> bool:
    return a.frames == b.frames and all(
        np.array_equal(t, u) for t, u in zip(a.tracks.values(), b.tracks.values(), strict=True)
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
    assert np.abs(a.octaves - b.octaves).mean() > 0.01
    assert np.abs(a.mel - b.mel).mean() > 0.01


def test_without_noise_every_seed_is_the_average(model: AcousticModel) -> None:
    assert same(said(model, seed=1, noise_scale=0.0), said(model, seed=2, noise_scale=0.0))


def test_sentences_of_one_seed_have_noise_of_their_own(model: AcousticModel) -> None:
    model.prosody.duration_spread.zero_()
    texts = [[3, 4] * 8], [[4, 3] * 8]
    a, b = (said(model, words, seed=1) for words in texts)
    n = min(a.frames, b.frames)
    flat = [said(model, words, seed=1, noise_scale=0.0) for words in texts]
    strayed = [t.octaves[:n] - f.octaves[:n] for t, f in zip((a, b), flat, strict=True)]
    assert abs(np.corrcoef(strayed)[0, 1]) < 0.9


def test_pitch_shifts_by_semitones_where_voiced(model: AcousticModel) -> None:
    plain, high = said(model, seed=1), said(model, seed=1, pitch_shift=6)
    assert np.allclose(high.octaves, plain.octaves + 0.5 * plain.voicing, atol=1e-5)


def test_a_mix_of_speakers_is_spoken_as_the_mean_of_their_embeddings(
    model: AcousticModel,
) -> None:
    mean = copy.deepcopy(model)
    for phones in (mean.prosody.phones, mean.spectrum.phones):
        a, b = phones.speaker.weight.data
        a.copy_(0.25 * a + 0.75 * b)
    mixed, expected = said(model, speaker="a:1,b:3", noise_scale=0.0), said(mean, noise_scale=0.0)
    assert mixed.frames == expected.frames
    assert np.allclose(mixed.mel, expected.mel, atol=1e-5)
    assert np.allclose(mixed.octaves, expected.octaves, atol=1e-5)
    assert same(said(model, speaker="b:2"), said(model, speaker="b"))
    assert not same(said(model, speaker="b"), said(model))


def test_a_glide_begins_as_one_speaker_and_ends_as_the_other(model: AcousticModel) -> None:
    model.prosody.length.weight.data.zero_()  # all phonemes last as long, whoever speaks
    request = Request(noise_scale=0.0)
    names, words = ("a", "b"), [[3, 4, 5]] * 20

    def spoken(who: SpeakerPath, *span: tuple[float, float]) -> tuple[LocalFeatures, np.ndarray]:
        return predict_features(Weights.of(model), words, who, 3, request, 8000, 80, *span)[1:]

    a, b = (spoken(find_speakers(names, n))[0].mel for n in names)
    path = find_speakers(names, None, "a,b")
    glide, weights = spoken(path)
    assert weights.shape == (glide.frames, 2)
    assert weights[0].tolist() == [1, 0]
    assert weights[-1].tolist() == [0, 1]
    assert (np.diff(weights[:, 1]) >= 0).all()
    assert np.allclose(weights.sum(1), 1)
    near = [np.abs(glide.mel - x).mean(0) for x in (a, b)]
    third = glide.frames // 3
    assert near[0][:third].mean() < near[1][:third].mean()
    assert near[0][-third:].mean() > near[1][-third:].mean()
    _, later = spoken(path, (0.5, 0.75))
    assert later[[0, -1], 1].tolist() == [0.5, 0.75]


def test_a_recordings_spectrum_is_predicted_alike_each_time(model: AcousticModel) -> None:
    alignment = Alignment(((0,), (3, 4)), (2, 5, 4))
    other = Alignment(alignment.words, (2, 4, 5))
    local = said(model, seed=1).cut(0, 11)
    drawn = predict_mel(Weights.of(model), local, alignment, WHO)
    assert drawn.mel.shape == (5, 11)
    assert np.array_equal(drawn.loudness, drawn.mel.mean(0))
    assert same(drawn, predict_mel(Weights.of(model), local, alignment, WHO))
    assert not np.array_equal(drawn.mel, predict_mel(Weights.of(model), local, other, WHO).mel)
