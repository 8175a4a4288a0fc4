"""One optimiser step on a batch.

A batch may be computed in parts and by several processes: the same voice comes out.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor

from wavegen.config import TrainConfig
from wavegen.data.windows import Batch
from wavegen.errors import TrainingError
from wavegen.model.autoregressive import Autoregressive
from wavegen.model.wavenet import WaveNet
from wavegen.training import fusing
from wavegen.training.cuda_graphs import SEEN, CudaGraphs
from wavegen.training.pruning import Pruning
from wavegen.training.reading import LocalBatch
from wavegen.training.schedule import average, learning_rate, sparsity

END_WEIGHT = 30.0
"""Weight of whether the clip ends. It ends once in thousands of samples, so without a weight the
network learns this last, and its clips end as soon as they are quiet. The likelihood factors into
whether the clip ends and, if not, which code follows, so that weighting one factor moves the
optimum of neither. On spoken digits in µ-law codes, after a quarter of an hour on one core, the
Kolmogorov-Smirnov statistic of lengths is 0.34 without, 0.16 with 30 (at a cost of 0.04 bits per
sample), and 0.19 with 100 (0.09 bits, in a quarter more steps)."""


class Norms(NamedTuple):
    """Norms of the gradient."""

    last: float
    peak: float
    """The largest one since the last `Stepper.reset`."""
    diverged: int
    """The first step at which it was not finite, 0 if none was."""


class Stepper:
    """A network, its optimiser and the moving average of its weights.

    Args:
        model: trained in place, and moved to the accelerator's device.
        config: how to train.
        accelerator: the device, and the other processes, each of which computes a part of every
            batch.
        warn: called when a batch does not fit into memory, can't be captured, or blocks can't be
            fused.
    """

    def __init__(
        self,
        model: Autoregressive,
        config: TrainConfig,
        accelerator: Accelerator,
        warn: Callable[[str], None],
    ) -> None:
        self.config = config
        self.accelerator = accelerator
        self.warn = warn
        self.device = torch.device(accelerator.device)
        self.model = model.to(self.device)
        self.optimiser = torch.optim.AdamW(
            model.parameters(),
            lr=config.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.network = accelerator.prepare_model(model)
        self.averaged: Autoregressive = copy.deepcopy(model).requires_grad_(False)
        """The network with the moving average of the weights."""
        self.pruning: Pruning | None = None
        if config.sparsity and isinstance(model, WaveNet):
            assert isinstance(self.averaged, WaveNet)
            self.pruning = Pruning(model, [self.averaged])
        self.graphs: CudaGraphs | None = None
        if self.device.type == "cuda" and accelerator.num_processes == 1:
            self.graphs = CudaGraphs(warn)
        self._settled = False
        self.micro_batches = config.accumulate
        self.sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        """Bits and number of the speech samples since the last `reset`."""
        self._norm = self._peak = torch.zeros((), device=self.device)
        self._diverged = torch.zeros((), dtype=torch.int64, device=self.device)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss in nats of a batch on the device, summed over the counted samples, and (2,)
        float64 bits and number of the speech samples."""
        to = self.device
        local = batch.local
        with torch.autocast(to.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            logits = self.network(
                batch.past,
                batch.speaker if self.model.conditioning.speaker is not None else None,
                None if local is None else local.to(self.model.skip_bias.dtype),
                batch.before,
                batch.history,
                batch.lead,
                batch.given,
            )
        nats = self.model.output.loss(logits, batch.codes)
        bits = (nats.detach() * batch.speech).sum().double() / math.log(2)
        if self.model.output.end is not None:
            nats = nats + (END_WEIGHT - 1) * self.model.output.ending(logits, batch.codes)
        return (nats * batch.counted).sum(), torch.stack([bits, batch.speech.sum()])

    def _gradients(self, batch: Batch, weight: Tensor | float) -> Tensor:
        """Add the gradients of a batch on the device, times a weight; returns its bits and number
        of speech samples."""
        nats, sums = self.forward(batch)
        torch.autograd.backward(nats * weight)
        return sums

    def backward(self, local: LocalBatch) -> None:
        """Add this process's part of the gradients of the mean loss over a batch."""
        count = min(self.micro_batches, len(local.batch.codes))
        world = self.accelerator.num_processes
        # Gradients are averaged over the processes; times their number they are summed.
        weight = 0.0 if local.empty else world / local.counted
        whole = local.batch
        if count > 1:  # rows of it would be copied to a GPU while it waits
            whole = whole.each(lambda t: t.to(self.device, non_blocking=True))
        for i in range(count):
            part = whole.each(lambda t, i=i: t[i::count]) if count > 1 else whole  # type: ignore[misc]
            if self.graphs is not None:
                sums = self.graphs(self._gradients, part, weight, self.device)
            else:
                part = part.each(lambda t: t.to(self.device, non_blocking=True))
                last = i == count - 1
                with nullcontext() if last else self.accelerator.no_sync(self.network):
                    sums = self._gradients(part, weight)
            if not local.empty:
                self.sums += sums

    @property
    def unlike(self) -> int:
        """How often a batch of a shape is computed before it takes no longer than in the rest of a
        training."""
        return 0 if self.graphs is None else SEEN + 1

    def zero_grad(self) -> None:
        """Clear all gradients; those that a CUDA graph adds to stay in their place."""
        self.optimiser.zero_grad(set_to_none=self.graphs is None)

    def _fits(self, local: LocalBatch) -> bool:
        """Whether there is memory enough for `backward`; where there isn't, it leaves no trace."""
        sums = self.sums.clone()
        try:
            self.backward(local)
            return True
        except torch.OutOfMemoryError:
            self.sums = sums
        # Outside the handler, where the error would still hold on to all that was computed.
        if self.graphs is not None:
            self.graphs.clear()
        self.zero_grad()
        torch.cuda.empty_cache()
        return False

    def wait(self) -> None:
        """Wait until the device has computed what it was asked to."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def settle(self, local: LocalBatch) -> None:
        """Choose how to compute the gradients, by a batch like those to come; the first call
        does."""
        if not self._settled:
            self._settled = True
            fusing.choose(self, local)

    def gradients(self, local: LocalBatch) -> None:
        """`backward`, with smaller micro-batches where memory runs out.

        Raises:
            TrainingError: a single window does not fit into memory.
        """
        self.settle(local)
        while not self._fits(local):
            windows = len(local.batch.codes)
            if self.accelerator.num_processes > 1 or self.micro_batches >= windows:
                raise TrainingError(
                    "out of memory: a smaller train.window_seconds or train.batch_size, a larger "
                    "train.accumulate, or fewer model.residual_channels need less"
                )
            self.micro_batches *= 2
            self.warn(f"out of memory: each batch is now computed in {self.micro_batches} parts")

    def update(self, local: LocalBatch, step: int) -> None:
        """Take step number ``step``. It does not wait for the device.

        A gradient that is not finite leaves the weights as they were, see `norms`.
        """
        self.gradients(local)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        infinite = ~norm.isfinite()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, step)
        self.optimiser.found_inf = infinite.float()  # type: ignore[attr-defined]  # it then skips
        self.optimiser.step()
        torch._foreach_lerp_(
            list(self.averaged.parameters()),
            [p.detach() for p in self.model.parameters()],
            average(self.config.ema_decay, step),
        )
        if self.pruning is not None:
            self.pruning.prune(sparsity(self.config, step))
        self.zero_grad()
        self._norm, self._peak = norm, torch.maximum(self._peak, norm)
        self._diverged = torch.where(infinite & (self._diverged == 0), step, self._diverged)

    def norms(self) -> Norms:
        """The norms of the gradient; this waits for the device."""
        numbers = torch.stack([self._norm.double(), self._peak.double(), self._diverged.double()])
        last, peak, diverged = numbers.tolist()
        return Norms(last, peak, int(diverged))

    def reset(self) -> None:
        """Begin new sums, and a new peak of the norm."""
        self.sums.zero_()
        self._peak = torch.zeros_like(self._peak)

    def state(self) -> dict[str, Any]:
        """What `restore` needs."""
        return {
            "model": self.model.state_dict(),
            "ema": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a `state`; raises ValueError, KeyError or RuntimeError if it can't."""
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.pruning is not None:
            self.pruning.look()
        for group in self.optimiser.param_groups:
            group["weight_decay"] = self.config.weight_decay  # a resumed run may change it
