"""The model of a discrete code, against what its papers say."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from wavegen.model.latent import (
    COMMITMENT,
    DECAY,
    JITTER,
    LatentModel,
    PhoneHead,
    codes_needed,
    perplexity,
)
from wavegen.model.numpy import latent
from wavegen.model.shapes import VECTOR
from wavegen.model.weights import Weights

BANDS, CODES = 12, 16


@pytest.fixture
def model() -> LatentModel:
    return untrained(1)


def untrained(books: int) -> LatentModel:
    model = LatentModel(2, BANDS, 8, CODES, 2, books)
    torch.nn.init.normal_(model.mel.weight)
    return model.eval()


@pytest.mark.parametrize(("frames", "each"), [(30, 2), (31, 2), (29, 4), (7, 3), (5, 1), (1, 4)])
def test_a_code_stands_for_so_many_frames(frames: int, each: int) -> None:
    model = LatentModel(2, BANDS, 8, CODES, each).eval()
    latents = model.latents(torch.randn(3, BANDS, frames), torch.ones(3, 1, frames))
    assert latents.shape == (3, math.ceil(frames / each), VECTOR)
    assert torch.allclose(latents.square().mean(2), torch.ones(latents.shape[:2]), atol=1e-2)
    assert model.at_frames(latents, frames).shape == (3, frames, VECTOR)


def test_padding_changes_no_code(model: LatentModel) -> None:
    mel, mask = torch.randn(1, BANDS, 30), torch.ones(1, 1, 30)
    padded = torch.cat([mel, torch.full((1, BANDS, 9), 3.0)], 2)
    longer = torch.cat([mask, torch.zeros(1, 1, 9)], 2)
    found = model.latents(padded, longer)[:, :15]
    assert torch.allclose(found, model.latents(mel, mask), atol=1e-5)


def test_gradients_pass_straight_through_and_commitment_pulls_latents(model: LatentModel) -> None:
    latents = torch.randn(2, 5, VECTOR, requires_grad=True)
    found = model.quantise(latents)
    for b in range(2):
        for k in range(5):
            apart = [float((latents[b, k].detach() - e).square().sum()) for e in model.codebook[0]]
            assert found.codes[b, k, 0] == int(np.argmin(apart))
    nearest = model.codebook[0, found.codes[:, :, 0]]
    assert torch.allclose(found.vectors, nearest, atol=1e-6)
    weights = torch.randn(2, 5, VECTOR)
    ((found.vectors * weights).sum() + COMMITMENT * found.commitment.sum()).backward()
    # ∂/∂z of the decoder's loss is that at e, and of β |z − e|² it is 2 β (z − e).
    wanted = weights + COMMITMENT * 2 * (latents - nearest).detach() / VECTOR
    assert torch.allclose(latents.grad, wanted, atol=1e-6)


def test_the_codebook_follows_the_moving_averages(model: LatentModel) -> None:
    torch.manual_seed(1)
    counts, sums = [0.0] * CODES, [torch.zeros(VECTOR) for _ in range(CODES)]
    for _ in range(5):
        latents = torch.randn(400, VECTOR)
        codes = torch.randint(CODES, (400,))  # all in use
        model.update(latents, codes[:, None])
        for i in range(CODES):
            mine = latents[codes == i]
            counts[i] = DECAY * counts[i] + (1 - DECAY) * len(mine)
            sums[i] = DECAY * sums[i] + (1 - DECAY) * mine.sum(0)
            assert torch.allclose(model.codebook[0, i], sums[i] / counts[i], atol=1e-5)
            assert float(model.usage[0, i]) == pytest.approx(counts[i], rel=1e-5)


def test_unused_codes_share_the_latents_of_the_most_used(model: LatentModel) -> None:
    middles = F.layer_norm(torch.randn(3, VECTOR), (VECTOR,))
    for _ in range(60):
        latents = middles[torch.randint(3, (600,))] + 0.3 * torch.randn(600, VECTOR)
        model.update(latents, model.quantise(latents[None]).codes[0])
    codes = model.quantise(latents[None]).codes[0]
    counts = torch.bincount(codes[:, 0], minlength=CODES)
    assert perplexity(counts) > 0.7 * CODES
    assert (model.codebook.isfinite()).all()


def test_each_book_tells_what_those_before_it_leave_over() -> None:
    torch.manual_seed(0)
    model, latents = untrained(3), F.layer_norm(torch.randn(1, 500, VECTOR), (VECTOR,))
    for _ in range(30):
        model.update(latents[0], model.quantise(latents).codes[0])
    found = model.quantise(latents)
    assert found.codes.shape == (1, 500, 3)
    errors, rest = [], latents
    for n, book in enumerate(model.codebook):
        nearest = torch.cdist(rest, book[None]).argmin(2)
        assert torch.equal(nearest, found.codes[:, :, n])
        rest = rest - book[nearest]
        errors.append(float(rest.square().mean()))
    assert errors == sorted(errors, reverse=True)
    assert torch.allclose(found.vectors, latents - rest, atol=1e-5)
    assert float(found.commitment.mean()) == pytest.approx(errors[-1], rel=1e-4)


def test_jitter_takes_neighbours(model: LatentModel) -> None:
    vectors = torch.arange(5000.0).view(1, -1, 1).expand(1, 5000, VECTOR)
    moved = (model.jitter(vectors) - vectors)[0, :, 0]
    assert set(moved.tolist()) == {-1, 0, 1}
    for step in (-1, 1):
        assert (moved == step).float().mean() == pytest.approx(JITTER / 2, abs=0.02)


def test_the_codebook_moves_in_training_only(model: LatentModel) -> None:
    mel, flat = torch.randn(2, BANDS, 9), torch.zeros(2, 9)
    batch = mel, mel, torch.tensor([0, 1]), flat, flat, torch.ones(2, 1, 9)
    before = model.codebook.clone()
    model.loss(*batch)
    assert torch.equal(model.codebook, before)
    model.train()
    value, codes, _ = model.loss(*batch)
    value.backward()
    assert codes.shape == (2 * 5, 1)
    assert not torch.equal(model.codebook, before)
    assert all(p.grad is not None for p in model.parameters())


@torch.no_grad()
def test_phonemes_are_told_by_any_path_of_codes_that_reads_as_them() -> None:
    torch.manual_seed(0)
    head, vectors = PhoneHead(8, 2), torch.randn(2, 5, VECTOR)
    said = torch.tensor([1, 2]), torch.tensor([2, 2])
    alone = []
    for row, count, phones in zip(vectors, (5, 4), said, strict=True):
        chances = head(row[None, :count]).softmax(2)[0]
        paths = itertools.product(range(3), repeat=count)
        right = [p for p in paths if [k for k, _ in itertools.groupby(p) if k] == phones.tolist()]
        whole = sum(math.prod(float(chances[n, k]) for n, k in enumerate(p)) for p in right)
        alone.append(-math.log(whole) / 2)
    vectors[1, 4:] = 99  # beyond the end
    both = head.loss(vectors, torch.tensor([5, 4]), said)
    assert float(both) == pytest.approx(sum(alone) / 2, rel=1e-4)


def test_a_blank_is_between_phonemes_that_are_the_same() -> None:
    assert codes_needed(torch.tensor([1, 2, 1])) == 3
    assert codes_needed(torch.tensor([1, 1, 2, 2, 2])) == 8
    assert codes_needed(torch.tensor([], dtype=torch.int64)) == 0


def test_perplexity_counts_evenly_used_codes() -> None:
    assert perplexity(torch.tensor([5.0, 5, 0, 5, 5])) == pytest.approx(4)
    assert perplexity(torch.tensor([9.0, 0])) == pytest.approx(1)


@pytest.mark.parametrize("glide", [False, True])
@pytest.mark.parametrize("books", [1, 2])
@torch.no_grad()
def test_numpy_makes_the_same_spectrogram(books: int, glide: bool) -> None:
    frames, model = 31, untrained(books)
    codes, octaves = torch.randint(CODES, (16, books)), torch.randn(frames)
    voicing = torch.rand(frames).round()
    who = torch.rand(frames if glide else 1, 2).softmax(1)
    vectors = sum(book[c] for book, c in zip(model.codebook, codes.T, strict=True))
    content = model.at_frames(vectors[None], frames)
    if glide:  # the module takes one speaker for a recording: here, both are the same
        model.speaker.weight[1] = model.speaker.weight[0]
    made = latent.spoken(
        Weights.of(model), codes.numpy(), 2, who.numpy(), voicing.numpy(), octaves.numpy()
    )
    its = model.spoken(content, who[:1], voicing[None], octaves[None], torch.ones(1, 1, frames))
    assert made.shape == (BANDS, frames)
    assert np.allclose(made, its[0], atol=1e-4)
