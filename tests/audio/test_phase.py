"""The phase of the pitch: measured, coded, and the same in the forward and in every engine."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import HOP, draw, network, random_features
from torch import Tensor

from wavegen.audio.features import hertz, octaves, phase
from wavegen.audio.local_features import LocalFeatures
from wavegen.generation import ENGINES, cached, naive
from wavegen.generation.job import Job
from wavegen.generation.numba import engine
from wavegen.generation.numba.group import Group
from wavegen.generation.numba.packing import pack
from wavegen.model.conditioning import PHASES
from wavegen.model.wavenet import WaveNet

RATE, FRAME = 16000, 160


def apart(a: Tensor, b: Tensor) -> Tensor:
    """Periods between two phases, at most half a one."""
    return (a - b - (a - b).round()).abs()


def test_the_phase_of_a_gliding_voice_is_measured() -> None:
    """Pulses whose pitch glides by a fifth, silence around them; F0 a little wrong."""
    f0 = torch.zeros(120)
    f0[20:100] = 140 * 2 ** torch.linspace(0, 0.6, 80)
    turns = (f0.repeat_interleave(FRAME).double() / RATE).cumsum(0)
    harmonics = torch.stack([torch.cos(2 * math.pi * k * turns) for k in range(1, 12)])
    audio = (0.05 * harmonics.sum(0) * (f0 > 0).repeat_interleave(FRAME)).float()
    audio += 1e-3 * torch.randn(len(audio))
    begin, step = phase(f0 * 1.02, RATE, FRAME, audio)
    assert (begin[f0 == 0] == 0).all()
    assert (step[f0 == 0] == 0).all()
    inner = slice(23, 97)
    assert apart(begin, turns[::FRAME].float())[inner].max() < 0.02
    assert (step * RATE / f0 - 1)[inner].abs().max() < 0.02


def test_without_a_recording_the_phase_is_the_integral_of_f0() -> None:
    f0 = torch.tensor([0.0, 100.0, 150.0, 0.0])
    begin, step = phase(f0, RATE, FRAME)
    assert apart(begin[2], begin[1] + 1.0) < 1e-6  # 100 Hz for 10 ms
    assert torch.allclose(step, f0 / RATE)
    assert torch.equal(torch.stack(phase(torch.zeros(3), RATE, FRAME)), torch.zeros(2, 3))
    assert torch.allclose(hertz(*octaves(f0)), f0)


def test_codes_run_through_each_period_and_over_the_frames_edges() -> None:
    model = spoken()
    f0 = torch.full((50,), RATE / PHASES / 2.5)  # each code for two or three samples
    begin, step = phase(f0, RATE, HOP)
    step[30:] = 0
    local = replace(random_features(1, 50), phase=begin[None], phase_step=step[None])
    codes = model.conditioning.phase_codes(local, HOP)
    assert codes is not None
    assert codes.shape == (1, 50 * HOP)
    voiced = codes[0, : 30 * HOP]
    change = voiced.diff() % PHASES
    assert set(change.tolist()) == {0, 1}
    assert abs(float(change.float().mean()) - 0.4) < 0.01
    assert (codes[0, 30 * HOP :] == PHASES).all()


def spoken() -> WaveNet:
    """A network that is told the phase."""
    model = network(True, phase=True)
    assert model.conditioning.phase is not None
    torch.nn.init.normal_(model.conditioning.phase.weight)
    return model


def jobs(model: WaveNet, local: LocalFeatures, prompt: Tensor | None = None) -> list[Job]:
    phases = model.conditioning.phase_codes(local, HOP)
    assert phases is not None
    with torch.no_grad():
        rows = model.conditioning.encode(2, torch.tensor([0, 2]), local.to(model.skip_bias.dtype))
    assert rows.dtype == model.skip_bias.dtype
    # The first goes on beyond its features, where there is no voice.
    return [
        Job(rows[0, :20], 500, "a", prompt=prompt, phase=phases[0, : 20 * HOP]),
        Job(rows[1], 300, "b", prompt=prompt, phase=phases[1]),
    ]


@pytest.mark.parametrize("prompted", [0, 1, 100])
def test_engines_draw_the_same(prompted: int) -> None:
    model = spoken().double()
    prompt = torch.randint(0, 256, (prompted,)) if prompted else None
    asked = jobs(model, random_features(2, 40), prompt)
    slow, fast = draw(naive.generate, model, asked), draw(cached.generate, model, asked)
    for a, b in zip(slow, fast, strict=True):
        assert torch.equal(a, b)
    model.float()
    asked = jobs(model, random_features(2, 40), prompt)
    steps = draw(cached.generate, model, asked, block=50)
    compiled = draw(engine.generate, model, asked, precision="f32", block=37)
    for a, b in zip(steps, compiled, strict=True):
        assert torch.equal(a[:100], b[:100])  # until a rounding falls the other way


def test_teacher_forcing_in_the_forward_in_pieces_and_compiled() -> None:
    model = spoken()
    local, speaker = random_features(2, 12), torch.tensor([0, 2])
    codes = torch.randint(0, 256, (2, 12 * HOP))
    with torch.inference_mode():
        whole = model(codes, speaker, local)
        deaf = replace(local, phase_step=torch.zeros(2, 12))
        assert (model(codes, speaker, deaf) - whole).abs().max() > 0.01
        rows, phases = (
            model.conditioning.encode(2, speaker, local),
            model.conditioning.phase_codes(local, HOP),
        )
    assert phases is not None
    pieces = model.nll(codes[0], rows[:1], HOP, chunk_frames=3, phase=phases[:1])
    assert torch.allclose(pieces, model.output.loss(whole, codes)[0], atol=1e-4)
    group = Group(pack(model, HOP, "f32"), 2)
    for i in range(2):
        group.add(i, Job(rows[i], codes.shape[1] + 1, str(i), phase=phases[i]), model)
    out = np.empty((2, codes.shape[1], 256), np.float32)
    group.advance(codes.shape[1], codes.numpy(), out)
    assert (torch.from_numpy(out) - whole).abs().max() < 1e-4
    with pytest.raises(ValueError, match="needs the phase"):
        model.run(codes, rows)
    for generate in ENGINES.values():
        with pytest.raises(ValueError, match="needs the phase"):
            draw(generate, model, [Job(rows[0], 10, "x")])
