"""Training of the acoustic model."""

from dataclasses import replace

import numpy as np
import torch

from wavegen.model.acoustic import AcousticModel
from wavegen.speech.aligner import Alignment
from wavegen.speech.fit import Recording, fit, phones


def utterance(rng: np.random.Generator) -> Recording:
    """Symbol k lasts 2k frames at level k/4, voiced from 3 on, at k/10 octaves."""
    ids = rng.integers(1, 6, 6).tolist()
    frames = [2 * k for k in ids]
    row = torch.tensor([float(k) for k, n in zip(ids, frames, strict=True) for _ in range(n)])
    voiced = (row >= 3).float()
    words = (tuple(ids[:3]), tuple(ids[3:]))
    return Recording(
        Alignment(words, tuple(frames)), 0, voiced, voiced * row / 10, (row / 4).expand(4, -1)
    )


def test_it_learns_lengths_melody_and_spectrum() -> None:
    rng = np.random.default_rng(0)
    model = AcousticModel(6, 0, 4, 32)
    fit(model, [utterance(rng) for _ in range(60)], 300, 0)
    assert not model.training
    new = utterance(rng)
    batch, lengths = phones([new.alignment], [0])
    with torch.inference_mode():
        encoded = model.encode(batch)
        guess = model.durations(encoded, batch.mask)[0].expm1()
        assert (guess - lengths[0]).abs().max() < 1.0
        rows = model.frames(encoded, lengths)
        mask = torch.ones(1, 1, rows.shape[2])
        logit, octave = model.melodies(rows, mask)
        assert ((logit[0] > 0) == (new.voicing > 0)).float().mean() > 0.95
        assert ((octave[0] - new.octaves).abs() * new.voicing).max() < 0.1
        spectrum = model.spectra(rows, new.voicing[None], new.octaves[None], mask)[0]
        assert (spectrum - new.mel).abs().mean() < 0.1
    assert 0 < model.duration_spread < 0.3


def test_padding_and_company_change_nothing() -> None:
    model = AcousticModel(6, 2, 4, 16).eval()
    rng = np.random.default_rng(1)
    a, b = utterance(rng), utterance(rng)
    b = replace(b, alignment=Alignment(((1, 2), (3,)), (3, 0, 2)))  # one lasts no time at all
    both, lengths = phones([a.alignment, b.alignment], [0, 1])
    alone, own = phones([b.alignment], [1])
    with torch.inference_mode():
        x, y = model.encode(both), model.encode(alone)
        assert torch.allclose(x[1, :, :3], y[0], atol=1e-6)
        assert torch.allclose(
            model.durations(x, both.mask)[1, :3], model.durations(y, alone.mask)[0], atol=1e-6
        )
        rows = model.frames(y, own)
        assert rows.shape[2] == 5
        assert torch.allclose(model.frames(x, lengths)[1, :, :5], rows[0], atol=1e-6)
