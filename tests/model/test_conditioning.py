"""Conditioning of the WaveNet."""

from dataclasses import replace

import torch
from networks import HOP, network, random_features

from wavegen.audio.features import phase
from wavegen.model.conditioning import PHASES


def test_codes_run_through_each_period_and_over_the_frames_edges() -> None:
    model = network(True, phase=True)
    f0 = torch.full((50,), 16000 / PHASES / 2.5)  # each code for two or three samples
    begin, step = phase(f0, 16000, HOP)
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
