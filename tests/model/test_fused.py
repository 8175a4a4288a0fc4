"""The fused block computes what the block computes step by step."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from wavegen.model.layers import GatedResidualBlock, PlainBlock, run_blocks

pytest.importorskip("triton")
from wavegen.model.fused import CHANNELS, FusedBlock, fits

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LOW = torch.bfloat16 if DEVICE == "cuda" else torch.float16
"""The interpreter multiplies numbers in bf16 as integers."""


def outputs(block: type, inputs: list[Tensor], dilation: int, number: int) -> list[Tensor]:
    """Outputs, and gradients of their weighted sum."""
    x, taps, w_res, cond = (t.detach().clone().requires_grad_() for t in inputs)
    room = torch.zeros(*x.shape[:2], 3 * x.shape[2], dtype=x.dtype, device=x.device)
    y, gates = block.apply(x, room, number, taps, w_res, dilation, cond)  # type: ignore[attr-defined]
    same = torch.Generator().manual_seed(3)
    total = sum((t * torch.randn(t.shape, generator=same).to(t)).sum() for t in (y, gates))
    grads = torch.autograd.grad(total, [x, taps, w_res, cond])
    return [y.detach(), gates.detach(), *grads]


@pytest.mark.parametrize(
    ("channels", "time", "frames", "dilation", "low"),
    [
        (16, 100, 5, 1, False),
        (32, 150, 1, 32, False),
        (64, 64, 64, 3, False),
        (16, 96, 4, 96, False),
        (32, 100, 5, 2, True),
        (64, 96, 6, 4, True),
        (64, 640, 4, 70, True),  # several tiles for each program, a row of conditioning for several
        (32, 500, 1, 512, True),  # windows that end within a tile, and no past
    ],
)
def test_outputs_and_gradients(
    channels: int, time: int, frames: int, dilation: int, low: bool
) -> None:
    shapes = (2, time, channels), (2, channels, 2 * channels), (channels, channels)
    inputs = [torch.randn(s) for s in (*shapes, (2, frames, 2 * channels))]
    for i in (1, 2):
        inputs[i] /= channels**0.5
    expected = outputs(PlainBlock, inputs, dilation, 1)
    for i in (0, 3):
        inputs[i] = inputs[i].to(LOW if low else torch.float32)
    inputs = [t.to(DEVICE) for t in inputs]
    tolerance = 0.02 if low else 0.005 if DEVICE == "cuda" else 1e-4
    for found, wanted in zip(outputs(FusedBlock, inputs, dilation, 1), expected, strict=True):
        assert (found.cpu().float() - wanted).norm() < tolerance * wanted.norm() + 1e-6


def test_a_stack_is_the_same_with_fused_blocks_and_plain_ones() -> None:
    blocks = [GatedResidualBlock(16, 6, 2, d, 3).to(DEVICE) for d in (1, 2, 4)]
    x, bias = torch.randn(2, 40, 16, device=DEVICE), torch.randn(6, device=DEVICE)
    conds = [(torch.randn(2, 5, 32, device=DEVICE),) for _ in blocks]
    found = []
    for fused in (False, True):
        for block in blocks:
            block.fused = fused
            block.zero_grad()
        with torch.autocast(DEVICE, LOW):
            run_blocks(blocks, x, conds, bias).float().square().sum().backward()
        weights = [p.grad.clone() for b in blocks for p in b.parameters() if p.grad is not None]
        assert len(weights) == 9
        found.append(torch.cat([w.flatten() for w in weights]))
    assert not torch.equal(*found)
    assert (found[0] - found[1]).norm() < 0.02 * found[0].norm()


@pytest.mark.parametrize(
    ("dtype", "channels", "taps", "conds", "fitting"),
    [
        (torch.bfloat16, 64, 2, 1, True),
        (torch.float32, 64, 2, 1, False),
        (torch.bfloat16, 128, 2, 1, False),
        (torch.bfloat16, 64, 3, 1, False),
        (torch.bfloat16, 64, 2, 2, False),
    ],
)
def test_other_blocks_are_computed_step_by_step(
    dtype: torch.dtype, channels: int, taps: int, conds: int, fitting: bool
) -> None:
    assert fits(torch.zeros(1, 1, channels, dtype=dtype), taps, conds) == fitting


def test_every_number_is_written_and_no_other() -> None:
    channels, time = 16, 150
    shapes = (2, time, channels), (2, channels, 2 * channels), (channels, channels)
    inputs = [torch.randn(s).to(DEVICE, LOW) for s in (*shapes, (2, 1, 2 * channels))]
    x, taps, w_res, cond = (t.requires_grad_() for t in inputs)
    room = torch.full((2, time, 3 * channels), 7.0).to(x)
    y, gates = FusedBlock.apply(x, room, 1, taps, w_res, 4, cond)  # type: ignore[no-untyped-call]
    before, mine, after = gates.chunk(3, -1)
    assert (before == 7).all()
    assert (mine.abs() <= 1).all()
    assert (after == 7).all()
    assert y.isfinite().all()


def test_compiled_for_gpus_nothing_that_is_computed_is_spilled() -> None:
    script = Path(__file__).with_name("compile_fused.py")
    root = importlib.util.find_spec("wavegen")
    assert root is not None
    assert root.origin is not None
    path = os.pathsep.join([str(Path(root.origin).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, script],
        env=os.environ | {"TRITON_INTERPRET": "0", "PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 2 * (len(CHANNELS) + 1)
    for kernel in found:
        hopper = kernel["capability"] == 90
        assert kernel["spilled"] == 0, kernel
        assert kernel["reloaded"] <= 24, kernel  # addresses, which do not change
        assert kernel["shared"] <= (227 if hopper else 99) * 1024, kernel
        assert kernel["groups of four warps"] == hopper, kernel
        assert kernel["narrow"] <= 4, kernel  # of the conditioning; 16 bytes in all others
        assert kernel["products"] >= 5, kernel
