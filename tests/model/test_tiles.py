"""The block of a CPU, tile by tile."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from wavegen.model import tiles
from wavegen.model.layers import GatedResidualBlock, PlainBlock, run_blocks
from wavegen.model.tiles import TiledBlock


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def outputs(block: type, inputs: list[Tensor], dilation: int) -> list[Tensor]:
    """What a block returns, and gradients of all that it was given."""
    x, taps, w_res, cond = (t.clone().requires_grad_() for t in inputs)
    gates = torch.zeros(*x.shape[:2], 3 * x.shape[2], dtype=x.dtype)
    y, h = block.apply(x, gates, 1, taps, w_res, dilation, cond)  # type: ignore[attr-defined]
    mix = torch.arange(1.0, y.numel() + 1).view_as(y).sin().to(y.dtype)
    loss = (y * mix).sum() + (h * mix.repeat(1, 1, 3).cos()).sum()
    grads = torch.autograd.grad(loss, (x, taps, w_res, cond))
    return [y.detach(), h.detach(), *grads]


@pytest.mark.parametrize(("kernel", "dilation"), [(2, 1), (2, 7), (2, 64), (3, 5), (1, 1)])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_tiles_give_what_a_whole_window_gives(
    kernel: int,
    dilation: int,
    precision: torch.dtype,
    threads: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a dilation beyond a tile, a last tile that is shorter, and frames across tiles."""
    monkeypatch.setattr(tiles, "TILE", 24 // threads)
    shapes = [(2, 60, 16), (kernel, 16, 32), (16, 16), (2, 6, 32)]
    inputs = [(torch.randn(s) / s[-1] ** 0.3).to(precision) for s in shapes]
    exact = outputs(PlainBlock, [t.double() for t in inputs], dilation)
    tolerance = 1e-5 if precision == torch.float32 else 0.02
    for found, expected in zip(outputs(TiledBlock, inputs, dilation), exact, strict=True):
        assert (found - expected).norm() < tolerance * expected.norm()


def test_gates_saturate_without_overflow() -> None:
    x = torch.tensor([-1e4, -30.0, 0.0, 30.0, 1e4]).view(1, 5, 1).expand(1, 5, 16)
    inputs = [x, torch.eye(16).repeat(1, 2)[None], torch.zeros(16, 16), torch.zeros(1, 1, 32)]
    _, h, *grads = outputs(TiledBlock, inputs, 1)
    assert torch.allclose(h[0, :, 16], torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0]))
    assert all(g.isfinite().all() for g in grads)


def test_blocks_that_do_not_fit_are_computed_whole() -> None:
    """Several conditioning tensors, or channels that are no multiple of a vector."""
    assert tiles.fits(torch.zeros(1, 4, 32), 1)
    assert not tiles.fits(torch.zeros(1, 4, 32), 2)
    assert not tiles.fits(torch.zeros(1, 4, 24), 1)
    assert not tiles.fits(torch.zeros(1, 4, 32, dtype=torch.float64), 1)
    block = GatedResidualBlock(16, 6, 2, 1, 1)
    conds = [(torch.randn(2, 5, 32), torch.randn(2, 1, 32))]
    assert run_blocks([block], torch.randn(2, 20, 16), conds, torch.zeros(6)).shape == (2, 20, 6)
