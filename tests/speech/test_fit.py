"""Training of the acoustic model."""

import io
import itertools
import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from wavegen.model.acoustic import SLOW, AcousticModel, slow_noise
from wavegen.speech import descent
from wavegen.speech.alignment import Alignment
from wavegen.speech.descent import PROBE, Descent
from wavegen.speech.fit import Corpus, Recording, fit, phones


def utterance(rng: np.random.Generator) -> Recording:
    """Symbol k lasts 2k frames, a half of them in its second state, at level k/4, voiced from 3 on,
    at k/10 octaves."""
    ids = rng.integers(1, 6, 6).tolist()
    frames = [2 * k for k in ids]
    row = torch.tensor([float(k) for k, n in zip(ids, frames, strict=True) for _ in range(n)])
    voiced = (row >= 3).float()
    words = (tuple(ids[:3]), tuple(ids[3:]))
    return Recording(
        Alignment(words, tuple(frames), 0.0, tuple((k / 2, k, k / 2) for k in ids)),
        0,
        voiced,
        voiced * row / 10,
        (row / 4).expand(4, -1),
    )


@pytest.mark.usefixtures("small_flows")
def test_it_learns_lengths_melody_and_spectrum() -> None:
    rng = np.random.default_rng(0)
    model = AcousticModel(6, 0, 4, 32, 32)
    fit(model, [utterance(rng) for _ in range(60)], Descent(300, 0))
    assert not model.training
    new = utterance(rng)
    batch, lengths = phones([new.alignment], [0])
    with torch.inference_mode():
        prosody, spectrum = model.prosody, model.spectrum
        encoded = prosody.phones(batch)
        log, shares = prosody.durations(encoded, batch.mask)
        guess = log[0, :, None].expm1() * shares[0].exp()
        assert (guess - lengths[0]).abs().max() < 1.0
        rows = prosody.phones.frames(encoded, lengths, len(new.voicing))
        mask = torch.ones(1, 1, rows.shape[2])
        logit, octave, _ = prosody.melodies(rows, mask)
        assert ((logit[0] > 0) == (new.voicing > 0)).float().mean() > 0.95
        assert ((octave[0] - new.octaves).abs() * new.voicing).max() < 0.1
        rows = spectrum.phones.frames(spectrum.phones(batch), lengths, len(new.voicing))
        mel, _ = spectrum.average(rows, new.voicing[None], new.octaves[None], mask)
        assert (mel[0] - new.mel).abs().mean() < 0.1
    assert 0 < prosody.duration_spread < 0.3


@pytest.mark.usefixtures("small_flows")
def test_fitting_goes_on_from_any_saved_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent, "SAVE_SECONDS", -1.0)
    rng = np.random.default_rng(0)
    clips = [utterance(rng) for _ in range(200)]  # several batches
    saved: list[bytes] = []

    def save(state: dict[str, Any]) -> None:
        buffer = io.BytesIO()
        torch.save(state, buffer)
        saved.append(buffer.getvalue())

    torch.manual_seed(1)
    whole = AcousticModel(6, 0, 4, 16, 16)
    fit(whole, clips, Descent(32, 0, save=save))
    assert len(saved) == 32 - PROBE - 1
    for data in (saved[0], saved[5], saved[-1]):
        torch.manual_seed(2)
        part = AcousticModel(6, 0, 4, 16, 16)
        state = torch.load(io.BytesIO(data), weights_only=True)
        told: list[int] = []
        fit(part, clips, Descent(32, 0, lambda done, total, t=told: t.append(done), state=state))  # type: ignore[misc]
        assert told == [*range(state["step"] + 1, 33)]
        for name, tensor in whole.state_dict().items():
            assert torch.equal(tensor, part.state_dict()[name]), name


@pytest.mark.usefixtures("small_flows")
def test_what_is_drawn_varies_as_the_recordings_do() -> None:
    rng = np.random.default_rng(0)
    clips = []
    for _ in range(400):  # too many to know by heart
        plain = utterance(rng)
        strayed = plain.octaves + 0.2 * rng.standard_normal() * plain.voicing  # the whole clip
        rough = plain.mel + 0.3 * torch.from_numpy(rng.standard_normal(plain.mel.shape)).float()
        clips.append(replace(plain, octaves=strayed, mel=rough))
    model = AcousticModel(6, 0, 4, 32, 32)
    fit(model, clips, Descent(300, 0))
    batch, lengths = phones([plain.alignment], [0])
    pitches, spectra = [], []
    torch.manual_seed(0)
    voicing = plain.voicing[None]
    mask = torch.ones_like(voicing)[:, None]
    prosody, spectrum = model.prosody, model.spectrum
    with torch.inference_mode():
        rows = prosody.phones.frames(prosody.phones(batch), lengths, voicing.shape[1])
        _, mean, hidden = prosody.melodies(rows, mask)
        for _ in range(40):
            noise = slow_noise(torch.randn(1, voicing.shape[1] + SLOW - 1))
            octaves = prosody.draw(mean, hidden, voicing, noise)
            pitches.append(octaves[voicing > 0])
        rows = spectrum.phones.frames(spectrum.phones(batch), lengths, voicing.shape[1])
        average, hidden = spectrum.average(rows, voicing, plain.octaves[None], mask)
        for _ in range(40):
            drawn = spectrum.mel_flow.sample(torch.randn(average.shape), hidden, mask, mask, 4)
            spectra.append(average + drawn * spectrum.mel_spread)
    assert 0.1 < torch.stack(pitches).std(0).mean() < 0.3
    assert 0.2 < torch.stack(spectra).std(0).mean() < 0.4


def test_padding_and_company_change_nothing() -> None:
    model = AcousticModel(6, 2, 4, 16, 16).eval().prosody
    rng = np.random.default_rng(1)
    a, b = utterance(rng), utterance(rng)
    b = replace(b, alignment=Alignment(((1, 2), (3,)), (3, 0, 2)))  # one lasts no time at all
    both, lengths = phones([a.alignment, b.alignment], [0, 1])
    alone, own = phones([b.alignment], [1])
    with torch.inference_mode():
        x, y = model.phones(both), model.phones(alone)
        assert torch.allclose(x[1, :, :3], y[0], atol=1e-6)
        for of_both, of_one in zip(
            model.durations(x, both.mask), model.durations(y, alone.mask), strict=True
        ):
            assert torch.allclose(of_both[1, :3], of_one[0], atol=1e-6)
        rows = model.phones.frames(y, own, 5)
        together = model.phones.frames(x, lengths, sum(a.alignment.frames))
        assert torch.allclose(together[1, :, :5], rows[0], atol=1e-6)


def test_a_batch_is_what_was_recorded() -> None:
    rng = np.random.default_rng(2)
    clips = [utterance(rng) for _ in range(4)]
    clips[3] = replace(clips[3], alignment=Alignment(((1, 2), (3,)), (3, 0, 2)))
    tracks = ("voicing", "octaves", "mel")
    clips[3] = replace(clips[3], **{k: getattr(clips[3], k)[..., :5] for k in tracks})
    corpus = Corpus(clips, torch.device("cpu"))
    batch, lengths, *read = corpus.batch([3, 1])
    given, wanted = phones([clips[n].alignment for n in (3, 1)], [0, 0])
    assert torch.equal(batch.symbols, given.symbols)
    assert torch.equal(batch.mask, given.mask)
    assert torch.equal(lengths, wanted)
    for name, track in zip(tracks, read, strict=True):
        assert torch.equal(track[0, ..., :5], getattr(clips[3], name))
        assert (track[0, ..., 5:] == 0).all()
        assert torch.equal(track[1], getattr(clips[1], name))
    everything = sorted(n for some in corpus.batches(random.Random(0)) for n in some)
    assert everything == [0, 1, 2, 3]


@pytest.mark.usefixtures("small_flows")
def test_fitting_takes_the_steps_that_there_is_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=0.1 * PROBE)  # asked at the start, and after those steps
    # Not time.monotonic itself, which other threads ask, too.
    ticking = SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr("wavegen.speech.descent.time", ticking)
    rng = np.random.default_rng(0)
    done: list[tuple[int, int]] = []
    clips = [utterance(rng) for _ in range(20)]
    fit(AcousticModel(6, 0, 4, 16, 16), clips, Descent(10**9, 0, lambda *x: done.append(x), 3.0))
    assert done[-1] == (30, 30)
