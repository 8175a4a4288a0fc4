"""One optimiser step on a batch: in parts, on one process or several, the same voice comes out."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from wavegen.config import TrainConfig
from wavegen.data.windows import Batch, Window, Windows
from wavegen.errors import TrainingError
from wavegen.model.wavenet import WaveNet
from wavegen.outputs.categorical import END_WEIGHT, Categorical
from wavegen.training.schedule import average, learning_rate


@dataclass(frozen=True)
class Share:
    """What one process computes of a batch."""

    batch: Batch
    counted: int
    """Samples of the whole batch that the loss counts."""
    empty: bool
    """There are fewer windows than processes, and none for this one: its batch is another's, and
    only goes through the motions, since the others wait for its gradients."""


class Stepper:
    """A WaveNet, its optimiser and its averaged twin.

    Args:
        model: trained in place, and moved to the accelerator's device.
        config: of the training.
        accelerator: the device, and the other processes: each takes its share of every batch.
        warn: is told when a batch did not fit into memory.
    """

    def __init__(
        self,
        model: WaveNet,
        config: TrainConfig,
        accelerator: Accelerator,
        warn: Callable[[str], None],
    ) -> None:
        if config.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as cuBLAS asks for
            torch.use_deterministic_algorithms(True)
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
        self.logits: Callable[..., Tensor] = self.network
        if config.compile and self.device.type == "cuda":
            self.logits = self.compiled("inductor")
        self.ema = AveragedModel(model, multi_avg_fn=average(config.ema_decay))
        self.parts = config.accumulate
        self.tally = torch.zeros(2, dtype=torch.float64, device=self.device)
        """Bits and number of the speech samples since it was last set to zero."""

    def compiled(self, backend: str | Callable[..., Any]) -> Callable[..., Tensor]:
        """The network, compiled; or as it is, from where the compiler fails."""
        from torch._dynamo.exc import TorchDynamoException  # takes a second

        fused: Any = torch.compile(
            self.network, dynamic=True, backend=backend
        )  # windows of any length

        def logits(*args: Tensor | None) -> Tensor:
            try:
                return fused(*args)  # type: ignore[no-any-return]
            except TorchDynamoException as e:
                self.warn(f"trains without torch.compile, which failed ({type(e).__name__})")
                self.logits = self.network
                return self.network(*args)  # type: ignore[no-any-return]

        return logits

    def share(self, data: Windows, windows: Sequence[Window]) -> Share:
        """Read this process's share of a batch: every world-th window."""
        a = self.accelerator
        mine = windows[a.process_index :: a.num_processes]
        # Frames of the whole batch, since an encoder sees a little of the padding.
        batch = data.batch(mine or windows[:1], max(map(data.frames, windows)))
        if self.device.type == "cuda":
            batch = batch.each(Tensor.pin_memory)
        return Share(batch, sum(map(data.counted, windows)), not mine)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Nats of the objective, summed over the counted samples; bits and number of the speech
        samples, (2,)."""
        to = self.device
        batch = batch.each(lambda t: t.to(to, non_blocking=True))
        local = batch.local
        with torch.autocast(to.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            logits = self.logits(
                batch.codes,
                batch.speaker if self.model.conditioning.speaker is not None else None,
                None if local is None else local.to(self.model.skip_bias.dtype),
                batch.before,
                batch.history,
                batch.lead,
            )
        nats = self.model.output.loss(logits, batch.codes)
        bits = (nats.detach() * batch.speech).sum().double() / math.log(2)
        if self.model.output.end is not None:
            nats = nats + (END_WEIGHT - 1) * Categorical.ending(logits, batch.codes)
        return (nats * batch.counted).sum(), torch.stack([bits, batch.speech.sum()])

    def backward(self, share: Share) -> None:
        """Add the gradients of the mean loss over a batch, of which this process has a share."""
        rows = len(share.batch.codes)
        parts = min(self.parts, rows)
        world = self.accelerator.num_processes
        for i in range(parts):
            part = share.batch.each(lambda t, i=i: t[i::parts])  # type: ignore[misc]
            last = i == parts - 1
            with nullcontext() if last else self.accelerator.no_sync(self.network):
                nats, tally = self.forward(part)
                # Gradients are averaged over processes; times their number it is a sum.
                weight = 0.0 if share.empty else world / share.counted
                torch.autograd.backward(nats * weight)
            if not share.empty:
                self.tally += tally

    def forget(self) -> None:
        """Drop gradients that no step shall use."""
        self.optimiser.zero_grad(set_to_none=True)

    def _fits(self, share: Share) -> bool:
        """`backward`, and whether memory was enough; if not, nothing of it remains."""
        tally = self.tally.clone()
        try:
            self.backward(share)
            return True
        except torch.OutOfMemoryError:
            self.tally = tally
        # Not in the handler: there the error still holds all that was computed.
        self.forget()
        torch.cuda.empty_cache()
        return False

    def gradients(self, share: Share) -> None:
        """`backward`, in more parts where memory is short.

        Raises:
            TrainingError: no number of parts fits.
        """
        while not self._fits(share):
            if self.accelerator.num_processes > 1 or self.parts >= len(share.batch.codes):
                raise TrainingError(
                    "out of memory: a smaller train.window_seconds or train.batch_size, a larger "
                    "train.accumulate, or fewer model.residual_channels need less"
                )
            self.parts *= 2
            self.warn(f"out of memory: each batch is now computed in {self.parts} parts")

    def update(self, share: Share, step: int) -> float:
        """Make one step, the ``step``-th; returns the norm of the gradient.

        Where that is not finite, the weights are left as they were.
        """
        self.gradients(share)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        if norm.isfinite():
            for group in self.optimiser.param_groups:
                group["lr"] = learning_rate(self.config, step)
            self.optimiser.step()
            self.ema.update_parameters(self.model)
        self.forget()
        return float(norm)

    @property
    def averaged(self) -> WaveNet:
        """The network with averaged weights."""
        assert isinstance(self.ema.module, WaveNet)
        return self.ema.module

    def state(self) -> dict[str, Any]:
        """What `restore` takes."""
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Raises ValueError, KeyError or RuntimeError where a state does not fit."""
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        for group in self.optimiser.param_groups:
            group["weight_decay"] = self.config.weight_decay  # it may have been changed
