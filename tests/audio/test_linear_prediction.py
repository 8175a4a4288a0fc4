"""Linear prediction: a filter for every frame, and its inverse."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from wavegen.audio.features import mel
from wavegen.audio.filters import LEVEL, input_count, of_spectrum, power_spectrum, predictors
from wavegen.audio.filters import filters as filters_of
from wavegen.audio.linear_prediction import Predictor, predictor, select
from wavegen.audio.local_features import silence
from wavegen.audio.synthesis_filter import Synthesis
from wavegen.audio.taps import INPUTS
from wavegen.config import Config

RATE, HOP = 16000, 160


def filters(coefficients: Tensor, gains: Tensor, hop: int) -> Predictor:
    """Without pitch."""
    return Predictor(coefficients, gains, hop, torch.zeros(len(gains), dtype=torch.int64))


def of(audio: Tensor) -> Predictor:
    """For pulses every 97 samples, found in all frames but a few."""
    bands = mel(audio, RATE, HOP, 80)
    f0 = torch.full((bands.shape[1],), RATE / 97)
    f0[10:14] = 0
    return Predictor.of(of_spectrum(bands.numpy(), f0.numpy(), RATE, HOP))


def speechlike(count: int = 8000) -> Tensor:
    """Pulses and noise through two resonances, loud and quiet in turn."""
    source = 0.02 * torch.randn(count)
    source[::97] += 1.0
    loud = 0.05 * (1.1 + torch.sin(torch.arange(count) / 900))
    resonances = torch.tensor([[1.79, -0.9, 0.0], [0.4, -0.8, 0.0]]).repeat(count, 1)
    sound = Synthesis(filters(resonances[: count // HOP], torch.ones(count // HOP), HOP))
    return torch.from_numpy(sound((source * loud).numpy()))


def test_predictors_solve_the_normal_equations() -> None:
    signals = np.random.default_rng(0).standard_normal((5, 400)).cumsum(1)
    r = np.stack([(signals[:, : 400 - lag] * signals[:, lag:]).sum(1) for lag in range(14)], 1)
    found, error = predictors(r, 12)
    apart = np.abs(np.arange(12)[:, None] - np.arange(12))
    np.testing.assert_allclose((r[:, apart] @ found[..., None])[..., 0], r[:, 1:13], rtol=1e-9)
    np.testing.assert_allclose(error, r[:, 0] - (found * r[:, 1:13]).sum(1))


def test_the_excitation_is_white_and_of_one_level() -> None:
    audio = speechlike()
    p = of(audio)
    assert p.coefficients.shape == (50, 24)
    e = p.excitation(audio)
    levels = e[800:-800].view(-1, 640).square().mean(1).sqrt()
    assert (levels / LEVEL).log2().abs().max() < 1
    assert (audio[800:-800].view(-1, 640).square().mean(1).sqrt()).log2().std() > 1

    def flatness(x: Tensor) -> float:
        power = torch.fft.rfft(x).abs().square()[1:].view(-1, 50).mean(1)
        return float(power.log().mean().exp() / power.mean())

    assert flatness(audio[:8000]) < 0.3 < 0.7 < flatness(e[:8000])


def test_the_power_spectrum_of_noise_is_flat_and_of_its_power() -> None:
    audio = 0.1 * torch.randn(16000)
    power = torch.from_numpy(power_spectrum(mel(audio, RATE, HOP, 80).numpy(), RATE, HOP))[
        5:-5
    ].mean(0)
    assert 0.7 < float(power.mean()) / 0.01 < 1.1  # the square of a mean is below the mean square
    assert power.log2().std() < 0.3


@pytest.mark.parametrize("kind", ["mel", "emphasis", "none"])
def test_synthesis_undoes_it_however_both_are_cut(kind: str) -> None:
    audio = speechlike()
    if kind == "mel":
        p = of(audio)
        assert p.reach == 24 + 97 + 2
    else:
        emphasis = 0.85 if kind == "emphasis" else 0.0
        p = predictor(Config().replace("audio", preemphasis=emphasis), None)
        assert p.order == p.reach == (kind == "emphasis")
    whole = p.excitation(audio)
    for first in (1, 10, 160, 333, 1000):
        past = min(first, p.reach)
        piece = p.excitation(audio[first - past : 2000], first, past)
        assert torch.equal(piece, whole[first:2000])
    e = whole.numpy()
    made = Synthesis(p)(e)
    assert np.abs(made - audio.numpy()).max() < 1e-5
    cut = Synthesis(p)
    pieces = [cut(x) for x in np.split(e, [1, 1, 17, 160, 400, 4000])]
    assert np.array_equal(np.concatenate(pieces), made)
    after = Synthesis(p, audio[:400].numpy())(e[400:])
    assert np.abs(after - audio[400:].numpy()).max() < 1e-5


def test_sound_is_clipped_and_frames_hold() -> None:
    p = filters(torch.tensor([[0.0], [0.9]]), torch.tensor([1.0, 2.0]), 10)
    loud = np.full(100, 0.5, np.float32)
    made = Synthesis(p)(loud)
    assert (made[:10] == 0.5).all()
    assert made.max() == 1  # not wrapped
    assert Synthesis(p).unclipped(loud).max() > 9  # what comes next depends on this
    assert Synthesis(p)(np.zeros(0, np.float32)).size == 0


def test_digital_silence_is_not_made_loud() -> None:
    p = of(torch.zeros(4000))
    assert p.coefficients.isfinite().all()
    noise = 0.5 * torch.randn(4000).clamp(-2, 2)
    made = Synthesis(p)(noise.numpy())
    assert 20 * math.log10(np.abs(made).max()) < -70


def test_inputs_are_the_sound_its_prediction_and_the_excitation_one_period_ago() -> None:
    audio = speechlike(2000)
    p = of(audio)
    excitation, inputs = p.inputs(audio)
    assert torch.equal(excitation, p.excitation(audio))
    assert inputs.shape == (2000, INPUTS)
    for t in (0, 3, 150, 1700, 1900):  # frames 10 to 13 have no voice
        frame = t // HOP
        sound = [float(audio[t - k]) if t >= k else 0.0 for k in range(25)]
        predicted = sum(float(a) * x for a, x in zip(p.coefficients[frame], sound[1:], strict=True))
        voiced = float(p.lags[frame] > 0)
        past = [voiced * float(excitation[i]) if i >= 0 else 0.0 for i in range(t - 99, t - 94)]
        gain = float(p.gains[frame])
        values = [sound[1] / gain, predicted / gain, *past]
        want = [math.copysign(math.log1p(16 * abs(x)), x) for x in values]
        assert (inputs[t] - torch.tensor([*want, voiced])).abs().max() < 1e-4
    for first in (1, 160, 333, 1000):
        known = min(first, p.reach)
        piece = p.inputs(audio[first - known :], first, known)
        assert torch.equal(piece[0], excitation[first:])
        assert torch.equal(piece[1], inputs[first:])


def test_inputs_depend_on_earlier_samples_only() -> None:
    audio = speechlike(2000)
    p = of(audio)
    other = audio.clone()
    other[1500:] += 0.1
    same, changed = p.inputs(audio)[1], p.inputs(other)[1]
    assert torch.equal(same[:1501], changed[:1501])
    assert not torch.equal(same[1501], changed[1501])


def test_periods_are_those_of_the_pitch_and_none_is_of_samples_to_come() -> None:
    f0 = torch.tensor([0.0, 100.0, 150.0, 6000.0, 7000.0, 0.5])
    lags = of_spectrum(mel(torch.zeros(960), RATE, HOP, 80).numpy(), f0.numpy(), RATE, HOP).lags
    assert lags.tolist() == [0, 160, 107, 3, 0, 16000]


def test_filters_of_a_high_order_ring_with_the_notes() -> None:
    """Three notes of a chord: noise has them through such filters, not through those of speech."""
    torch.manual_seed(0)
    t = torch.arange(2 * RATE) / RATE
    notes = (440.0, 554.4, 659.3)
    audio = sum(0.1 * torch.sin(2 * math.pi * hz * t) for hz in notes) + 1e-3 * torch.randn(len(t))
    noise = LEVEL * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    shares = []
    for order, bands in ((0, 80), (128, 160)):
        config = Config().replace(
            "conditioning", features="mel", frame_rate=50, prediction_order=order
        )
        rows = mel(audio, RATE, config.hop_length, bands).numpy()
        made = filters_of(config, replace(silence(rows.shape[1], bands), mel=rows))
        assert made.order == (order or 24)
        power = np.abs(np.fft.rfft(Synthesis(made)(noise))) ** 2
        hertz = np.fft.rfftfreq(2 * RATE, 1 / RATE)
        near = np.min([np.abs(hertz - hz) for hz in notes], 0) < 16
        shares.append(power[near].sum() / power.sum())
    assert shares[0] < 0.5 < 0.9 < shares[1]


@pytest.mark.parametrize(
    ("conditioning", "expected"),
    [
        ({}, slice(0, 8)),
        ({"period": False}, slice(0, 2)),
        ({"signal": False}, slice(2, 8)),
        ({"signal": False, "period": False}, slice(0, 0)),
    ],
)
def test_a_network_takes_the_inputs_asked_for(
    conditioning: dict[str, bool], expected: slice
) -> None:
    inputs = torch.randn(5, INPUTS)
    config = Config().replace("conditioning", features="mel", **conditioning)
    assert torch.equal(select(config, inputs), inputs[:, expected])
    assert input_count(config) == expected.stop - expected.start
    assert input_count(config.replace("conditioning", features="none")) == 0
    assert input_count(config.replace("conditioning", linear_prediction=False)) == 0


def test_the_cells_of_16_bit_samples_tile_the_excitation() -> None:
    sound = (torch.arange(65536) - 32768) / 32768
    low, high = filters(torch.zeros(1, 0), torch.tensor([0.25]), HOP).cells(sound)
    assert low[0] == -torch.inf
    assert high[-1] == torch.inf
    assert torch.equal(low[1:], high[:-1])
    assert torch.allclose((high - low)[1:-1], torch.tensor(2.0**-15 / 0.25).double())
    audio = speechlike()
    low, high = of(audio).cells(audio)
    excitation = of(audio).excitation(audio)
    assert torch.allclose((low + high) / 2, excitation.double(), atol=1e-5)
