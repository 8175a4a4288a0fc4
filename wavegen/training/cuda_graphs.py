"""Replay of forward and backward as a CUDA graph: a step of a small network is some nine hundred
kernels, which take longer to launch one by one than to run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from wavegen.data.windows import Batch

Gradients = Callable[[Batch, Tensor], Tensor]
"""Adds the gradients of a batch on the device, times a weight, to those of the parameters; returns
a tensor of statistics."""
SEEN = 3
"""Batches of a shape that are computed as usual before the next one is captured."""
MOST = 16
"""Shapes that are captured."""


@dataclass(frozen=True)
class _Captured:
    graph: torch.cuda.CUDAGraph
    batch: Batch
    weight: Tensor
    result: Tensor


class CudaGraphs:
    """Computes gradients as a function does, and replays it for shapes of batches that recur.

    The gradients of the parameters must stay the same tensors.

    Args:
        warn: called with a message where capturing fails; from then on nothing is captured.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._works = True
        self.clear()

    def clear(self) -> None:
        """Forget all graphs, and free their memory."""
        self._seen: Counter[Any] = Counter()
        self.captured: dict[Any, _Captured] = {}
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(
        self, gradients: Gradients, batch: Batch, weight: float, device: torch.device
    ) -> Tensor:
        """Add the gradients of a batch on the device or in pinned memory; result as `Gradients`.

        Args:
            gradients: launches kernels only, the same ones for each batch of a shape; it never
                waits for the device. It isn't kept: its owner may own these graphs, and both would
                hold their memory until the garbage collector finds them.
            batch, weight: its arguments.
            device: where it computes.
        """
        key = _shapes(batch)
        self._seen[key] += 1
        known = self.captured.get(key)
        if known is not None:
            pairs = zip(_tensors(known.batch), _tensors(batch), strict=True)
            for static, new in pairs:
                static.copy_(new, non_blocking=True)
            known.weight.fill_(weight)
        else:
            batch = batch.each(lambda t: t.to(device, non_blocking=True))
            factor = torch.full((), weight, device=device)
            if self._works and self._seen[key] > SEEN and len(self.captured) < MOST:
                known = self._capture(gradients, key, batch, factor)
            if known is None:
                return gradients(batch, factor)
        known.graph.replay()
        return known.result.clone()

    def _capture(
        self, gradients: Gradients, key: Any, batch: Batch, weight: Tensor
    ) -> _Captured | None:
        """Record the kernels for batches like this one, which adds no gradients; None if that
        fails."""
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        try:
            # Autograd must have run on a stream before it can be captured there.
            with torch.cuda.stream(stream):
                gradients(batch, torch.zeros_like(weight))
            torch.cuda.synchronize()
            # Other threads pin memory meanwhile.
            with torch.cuda.graph(graph, self._pool, stream, capture_error_mode="thread_local"):
                result = gradients(batch, weight)
            self.captured[key] = _Captured(graph, batch, weight, result)
            return self.captured[key]
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, torch.AcceleratorError) as e:
            self._works = False
            self._warn(f"trains without CUDA graphs: {str(e).splitlines()[0]}")
            return None


def _tensors(batch: Batch) -> list[Tensor]:
    found: list[Tensor] = []

    def collect(t: Tensor) -> Tensor:
        found.append(t)
        return t

    batch.each(collect)
    return found


def _shapes(batch: Batch) -> tuple[Any, ...]:
    return tuple((t.shape, t.dtype) for t in _tensors(batch))
