"""Conditioning of the WaveNet."""

from dataclasses import replace

import torch
from networks import HOP, network, random_features

from wavegen.audio.features import phase
from wavegen.model.inputs import PHASES


def test_weights_of_speakers_mix_their_embeddings_in_all_frames_or_each() -> None:
    model = network(True)
    local = random_features(2, 5)
    table = model.conditioning.speaker
    assert table is not None

    def tail(speaker: torch.Tensor) -> torch.Tensor:
        return model.conditioning.encode(2, speaker, local)[..., -table.embedding_dim :]

    with torch.no_grad():
        whole = model.conditioning.encode(2, torch.tensor([2, 0]), local)
        plain = torch.eye(3)[[2, 0]]
        assert torch.equal(model.conditioning.encode(2, plain, local), whole)
        each = plain[:, None].expand(-1, 5, -1)
        assert torch.equal(model.conditioning.encode(2, each, local), whole)
        mixes = torch.rand(2, 5, 3)
        assert torch.allclose(tail(mixes), mixes @ table.weight)
        assert torch.allclose(tail(mixes[:, 0]), (mixes[:, :1] @ table.weight).expand(-1, 5, -1))


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
