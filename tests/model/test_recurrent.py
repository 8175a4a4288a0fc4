"""Gated recurrent units in the place of blocks."""

import torch

from wavegen.model.recurrent import Recurrent


@torch.inference_mode()
def test_in_pieces_it_runs_as_whole() -> None:
    network = Recurrent(2, 8, 5).double()
    x = torch.randn(3, 40, 8, dtype=torch.float64)
    whole, last = network(x, network.initial(3))
    state, parts = network.initial(3), []
    for piece in x.split([1, 1, 17, 20, 1], 1):
        y, state = network(piece, state)
        parts.append(y)
    assert torch.allclose(torch.cat(parts, 1), whole)
    assert torch.allclose(state, last)


def test_an_output_depends_on_no_later_input_and_on_all_before() -> None:
    network = Recurrent(2, 4, 3).double()
    x = torch.randn(1, 12, 4, dtype=torch.float64, requires_grad=True)
    y, _ = network(x, network.initial(1))
    [gradient] = torch.autograd.grad(y[0, 7].sum(), x)
    assert (gradient[0].abs().sum(1) > 0).tolist() == [True] * 8 + [False] * 4
