"""Whether a WaveNet's blocks are computed by fused kernels: found out by trying, since which way is
faster depends on the GPU, the network and the batch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wavegen.errors import TrainingError
from wavegen.model.wavenet import WaveNet
from wavegen.training.cuda_graphs import SEEN, CudaGraphs
from wavegen.training.reading import LocalBatch

if TYPE_CHECKING:
    from wavegen.training.optimizer_step import Stepper

NEEDS = "they need Triton, a GPU and training in bf16, two taps, few channels, and no context stack"
MARGIN = 2.0
"""How far from those in float32 the gradients of fused blocks may be; those of plain ones, which
are rounded more often, are at 1."""
TIMED = 3
"""Batches that are timed, after those that a CUDA graph takes."""


def choose(stepper: Stepper, local: LocalBatch) -> None:
    """Have the blocks of the network computed by fused kernels, in all processes or none.

    They are if their gradients are right, and, with ``train.fused = "auto"``, if a step is faster.
    Gradients and sums stay as they are.

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
        stepper.graphs = CudaGraphs(stepper.graphs.gradients, stepper.warn)


def _fault(stepper: Stepper, local: LocalBatch) -> str:
    """What is wrong with fused blocks, on the first window of a batch; empty if nothing is."""
    window = local.batch.each(lambda t: t[:1].to(stepper.device))
    _fuse(stepper, False)
    exact = stepper.alone(window, exact=True)
    plain = (stepper.alone(window) - exact).norm()
    try:
        _fuse(stepper, True)
        found = (stepper.alone(window) - exact).norm()
        right = bool(found <= MARGIN * plain)
    except Exception as e:  # of many kinds: no compiler, a kernel that is too large, …
        lines = str(e).strip().splitlines() or [type(e).__name__]
        try:
            stepper.wait()
        except RuntimeError:  # the kernel read or wrote what it must not
            raise TrainingError(
                f"a fused kernel failed ({lines[-1]}): train with --set train.fused=false"
            ) from e
        return lines[-1]
    return "" if right else "their gradients are not those of plain ones"


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
