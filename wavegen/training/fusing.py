"""Whether a WaveNet's blocks are computed by fused kernels: found out by trying, since which way is
faster depends on the GPU, the network and the batch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wavegen.errors import TrainingError
from wavegen.model.layers import GatedResidualBlock, PlainBlock
from wavegen.model.wavenet import WaveNet
from wavegen.training.cuda_graphs import SEEN, CudaGraphs
from wavegen.training.reading import LocalBatch

if TYPE_CHECKING:
    from wavegen.training.optimizer_step import Stepper

NEEDS = "they need Triton, a GPU and training in bf16, two taps, few channels, and no context stack"
TOLERANCE = 0.01
"""Relative error of a block in bf16 by which it is told from a wrong one. That of fused blocks is
0.0024, that of plain ones, which are rounded more often, 0.0052; with one row in 10,000 wrong it is
0.01."""
TIMED = 3
"""Batches that are timed, after those that a CUDA graph takes."""


def choose(stepper: Stepper, local: LocalBatch) -> None:
    """Have the blocks of the network computed by fused kernels, in all processes or none.

    They are if their gradients are right, and, with ``train.fused = "auto"``, if a step is faster.
    Sums stay as they are, and gradients are cleared.

    Raises:
        TrainingError: a kernel failed in such a way that nothing can be computed any more.
    """
    wanted = stepper.config.fused
    auto = wanted == "auto"
    if not wanted or (auto and stepper.config.deterministic):
        return
    fault = "" if able(stepper) else NEEDS
    if auto and fault:
        return
    sums, parts = stepper.sums.clone(), stepper.micro_batches
    fault = fault or _fault(stepper, local)
    if fault:
        stepper.warn(f"trains without fused blocks: {fault}")
    fused = not _all(stepper, float(bool(fault)))
    if fused and auto:
        took, needed = {}, {}
        for way in (True, False):
            stepper.micro_batches = parts
            took[way], needed[way] = _seconds(stepper, local, way), stepper.micro_batches
        fused = took[True] < took[False]
        stepper.micro_batches = needed[fused]
    _fuse(stepper, fused)
    stepper.zero_grad()
    stepper.sums.copy_(sums)


def able(stepper: Stepper) -> bool:
    """Whether there are fused kernels for this training."""
    model, device = stepper.model, stepper.device
    if not isinstance(model, WaveNet) or device.type != "cuda":
        return False
    try:
        from wavegen.model.fused import CAPABILITY, fits  # triton is not everywhere
    except ImportError:
        return False
    bf16 = stepper.config.precision == "bf16"
    x = torch.empty(0, 0, model.config.residual_channels, dtype=torch.bfloat16, device=device)
    known = fits(x, model.config.kernel_size, 1 + len(model.config.context))
    return bf16 and known and torch.cuda.get_device_capability(device) >= CAPABILITY


def _fuse(stepper: Stepper, fused: bool) -> None:
    assert isinstance(stepper.model, WaveNet)
    for block in stepper.model.layers:
        block.fused = fused
    if stepper.graphs is not None:  # those captured are of the other way
        stepper.graphs = CudaGraphs(stepper.warn)


def _fault(stepper: Stepper, local: LocalBatch) -> str:
    """What is wrong with fused blocks, for windows like those of a batch; empty if nothing is."""
    assert isinstance(stepper.model, WaveNet)
    blocks = {block.dilation: block for block in stepper.model.layers}
    frames = 1 if local.batch.local is None else local.batch.local.frames
    shape = local.batch.codes.shape[1], frames
    try:
        worst = float(torch.stack([_error(b, *shape) for b in blocks.values()]).max())
    except Exception as e:  # of many kinds: no compiler, a kernel that is too large, …
        lines = str(e).strip().splitlines() or [type(e).__name__]
        try:
            stepper.wait()
        except RuntimeError:  # the kernel read or wrote what it must not
            raise TrainingError(
                f"a fused kernel failed ({lines[-1]}): train with --set train.fused=false"
            ) from e
        return lines[-1]
    return "" if worst < TOLERANCE else f"their gradients are off by {100 * worst:.3g} %"


def _error(block: GatedResidualBlock, time: int, frames: int) -> Tensor:
    """The largest relative error of a fused block in bf16, by its outputs and all gradients on
    random numbers."""
    from wavegen.model.fused import FusedBlock

    channels, device = block.w_res.shape[0], block.w_res.device
    random = torch.Generator(device).manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random, device=device).bfloat16()

    weights = block.taps.detach().bfloat16(), block.w_res.detach().bfloat16()
    given = noise(2, time, channels), *weights, noise(2, frames, 2 * channels)
    grads = noise(2, time, channels), noise(2, time, 3 * channels)
    found = []
    for way, dtype in ((FusedBlock, torch.bfloat16), (PlainBlock, torch.float32)):
        x, taps, w_res, cond = inputs = [t.to(dtype).requires_grad_() for t in given]
        room = torch.zeros_like(grads[1], dtype=dtype)
        out = way.apply(x, room, 1, taps, w_res, block.dilation, cond)  # type: ignore[no-untyped-call]
        back = torch.autograd.grad(out, inputs, [g.to(dtype) for g in grads])
        found.append([t.detach().float() for t in (*out, *back)])
    pairs = zip(*found, strict=True)
    return torch.stack([(a - exact).norm() / exact.norm() for a, exact in pairs]).max()


def _seconds(stepper: Stepper, local: LocalBatch, fused: bool) -> float:
    """How long the gradients of a batch take, summed over all processes."""
    _fuse(stepper, fused)
    for _ in range(SEEN + 2):
        stepper.gradients(local)
    stepper.wait()
    start = time.perf_counter()
    for _ in range(TIMED):
        stepper.gradients(local)
    stepper.wait()
    return _all(stepper, time.perf_counter() - start)


def _all(stepper: Stepper, value: float) -> float:
    """A sum over all processes."""
    own = torch.tensor(value, dtype=torch.float64, device=stepper.device)
    total: Tensor = stepper.accelerator.reduce(own, "sum")
    return float(total)
