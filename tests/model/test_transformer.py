"""A Transformer in the place of blocks."""

import pytest
import torch
from torch.nn import functional as F

from wavegen.model.transformer import Transformer, attend, rotate, rotations


def network(window: int, layers: int = 2) -> Transformer:
    return Transformer(layers, 16, 5, 2, window).double()


@pytest.mark.parametrize("window", [1, 2, 7, 50])
@torch.inference_mode()
def test_in_pieces_it_runs_as_whole(window: int) -> None:
    model = network(window)
    x = torch.randn(3, 40, 16, dtype=torch.float64)
    whole, last = model(x, model.initial(3))
    state, parts = model.initial(3), []
    for piece in x.split([1, 1, 17, 20, 1], 1):
        y, state = model(piece, state)
        parts.append(y)
    assert torch.allclose(torch.cat(parts, 1), whole)
    assert state.time == last.time == 40
    for a, b in zip(state.keys + state.values, last.keys + last.values, strict=True):
        assert a.shape == (3, 2, window - 1, 8)
        assert torch.allclose(a, b)


@pytest.mark.parametrize(("window", "layers"), [(1, 2), (3, 1), (3, 2), (4, 3)])
def test_an_output_depends_on_the_windows_of_its_layers(window: int, layers: int) -> None:
    model = network(window, layers)
    x = torch.randn(1, 20, 16, dtype=torch.float64, requires_grad=True)
    y, _ = model(x, model.initial(1))
    [gradient] = torch.autograd.grad(y[0, 15].sum(), x)
    first = 15 - layers * (window - 1)
    assert (gradient[0].abs().sum(1) > 0).nonzero().flatten().tolist() == [*range(first, 16)]


def test_blocks_attend_as_one_band() -> None:
    q, k, v = torch.randn(3, 2, 2, 29, 6)
    before = torch.randn(2, 2, 4, 6)
    k, v = torch.cat([before, k], 2), torch.cat([before, v], 2)
    at = torch.arange(33) - torch.arange(29)[:, None]
    band = (at >= 0) & (at < 5)
    assert torch.allclose(
        attend(q, k, v, 5), F.scaled_dot_product_attention(q, k, v, band), atol=1e-6
    )


def test_products_of_rotated_vectors_depend_on_their_distance() -> None:
    q, k = torch.randn(2, 1, 8, dtype=torch.float64)

    def product(a: int, b: int) -> float:
        return float((rotate(q, rotations(a, 1, 8, q)) * rotate(k, rotations(b, 1, 8, k))).sum())

    assert product(9, 4) == pytest.approx(product(10**7 + 5, 10**7))
    assert product(9, 4) != pytest.approx(product(9, 5))
