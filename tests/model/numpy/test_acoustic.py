"""The acoustic model in NumPy gives what its torch module gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wavegen.model import acoustic as of_torch
from wavegen.model.acoustic import AcousticModel
from wavegen.model.flow import Flow
from wavegen.model.numpy import acoustic, flow
from wavegen.model.weights import Weights

WORDS = [[0], [3, 4, 5], [1], [2, 6]]
LENGTHS = np.array([3, 2, 9, 1, 0, 25, 4])
STATES = LENGTHS[:, None] * np.array([[0.2, 0.5, 0.3]], np.float32)


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    """Some layers begin as zeros."""
    for t in module.parameters():
        torch.nn.init.normal_(t, std=0.3)
    for name, t in module.named_buffers():
        if name.endswith("spread"):
            t.uniform_(0.5, 2)
    return module.eval()


def close(a: np.ndarray, b: torch.Tensor) -> bool:
    scale = max(1.0, float(b.abs().max()))
    return a.shape == tuple(b.shape) and np.allclose(a, b.detach(), atol=1e-5 * scale)


@pytest.mark.parametrize("speakers", [0, 3])
@pytest.mark.parametrize("glide", [False, True])
@torch.no_grad()
def test_every_output_is_that_of_the_module(speakers: int, glide: bool) -> None:
    model = randomised(AcousticModel(7, speakers, 5, 12, 8))
    assert isinstance(model, AcousticModel)
    who = torch.rand(len(LENGTHS) if glide else 1, max(speakers, 1)).softmax(1)
    made = acoustic.Phones.of(WORDS, who.numpy())
    batch = of_torch.Phones(
        torch.from_numpy(made.symbols)[None],
        torch.from_numpy(made.starts)[None],
        torch.tensor([len(LENGTHS)]),
        who[None] if glide else who,
    )
    w, lengths, total = Weights.of(model), torch.from_numpy(STATES)[None], int(LENGTHS.sum())
    prosody, p = model.prosody, w.part("prosody")
    encoded, e = prosody.phones(batch), acoustic.encode(p.part("phones"), made)
    assert close(e, encoded[0].t())
    pairs = zip(acoustic.durations(p, e), prosody.durations(encoded, batch.mask), strict=True)
    assert all(close(mine, its[0]) for mine, its in pairs)
    frames = prosody.phones.frames(encoded, lengths, total)
    f = acoustic.repeat(p.part("phones"), e, STATES)
    assert close(f, frames[0].t())
    mask = torch.ones(1, 1, total)
    logit, mean, hidden = prosody.melodies(frames, mask)
    for mine, its in zip(acoustic.melodies(p, f), (logit[0], mean[0], hidden[0].t()), strict=True):
        assert close(mine, its)
    noise, voicing = torch.randn(1, total + acoustic.SLOW - 1), (torch.rand(1, total) > 0.3).float()
    slow = of_torch.slow_noise(noise)
    assert close(acoustic.slow_noise(noise[0].numpy()), slow[0])
    octaves = prosody.draw(mean, hidden, voicing, slow)
    h = hidden[0].t().numpy()
    drawn = acoustic.draw_pitch(p, mean[0].numpy(), h, voicing[0].numpy(), slow[0].numpy())
    assert close(drawn, octaves[0])
    spectrum, s = model.spectrum, w.part("spectrum")
    own = spectrum.phones.frames(spectrum.phones(batch), lengths, total)
    mel, hidden = spectrum.average(own, voicing, octaves, mask)
    o = acoustic.repeat(s.part("phones"), acoustic.encode(s.part("phones"), made), STATES)
    m, h = acoustic.average_mel(s, o, voicing[0].numpy(), octaves[0].numpy())
    assert close(m, mel[0].t())
    assert close(h, hidden[0].t())
    assert close(acoustic.draw_mel(s, m, h), spectrum.draw(mel, hidden)[0].t())


@torch.no_grad()
def test_the_velocity_of_a_flow_is_that_of_the_module_at_any_time() -> None:
    model = randomised(Flow(3, 4, 8, 6))
    assert isinstance(model, Flow)
    x, condition, mask = torch.randn(1, 3, 20), torch.randn(1, 4, 20), torch.ones(1, 1, 20)
    velocity = flow.Velocity(Weights.of(model), 20)
    for time in (0.0, 0.3, 1.0):
        its = model.velocity(x, torch.tensor([time]), condition, mask)[0].t()
        mine = velocity(x[0].t().numpy(), time, condition[0].t().numpy())
        assert close(mine, its)
