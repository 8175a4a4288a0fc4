"""The batches of a run, each process's part of them: on a GPU from its own memory, where the
training set fits there, else from worker processes."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor

from wavegen.config import Config
from wavegen.data.prefetch import prefetch
from wavegen.data.resident import Resident
from wavegen.data.windows import Batch, Window, Windows

SHARE = 0.6
"""Part of a GPU's free memory that the training set may take."""


@dataclass(frozen=True)
class LocalBatch:
    """The part of a batch that this process computes."""

    batch: Batch
    counted: int
    """Samples of the whole batch that the loss counts."""
    empty: bool
    """There are fewer windows than processes, and none for this one. Its batch is a copy of
    another's, without weight, since the other processes wait for its gradients."""

    def pin_memory(self) -> LocalBatch:
        """Copy it into pinned memory."""
        return dataclasses.replace(self, batch=self.batch.each(Tensor.pin_memory))


class Reader:
    """Reads this process's part of the batches.

    Args:
        windows: the training set.
        accelerator: the device, and the other processes.
        variants: as those of `Resident`.
        progress: called with (clips done, clips) while the set is computed for the GPU.
    """

    def __init__(
        self,
        windows: Windows,
        accelerator: Accelerator,
        variants: Sequence[bool] = (False,),
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self.windows = windows
        self.accelerator = accelerator
        self.device = torch.device(accelerator.device)
        # A CPU that trains has no core to spare. A process reads two million samples a second.
        cuda = self.device.type == "cuda"
        self.workers = min(8, max(1, (os.cpu_count() or 1) - 1)) if cuda else 0
        self.batch: Callable[[Sequence[Window], int], Batch] = windows.batch
        self.resident = False
        fits = cuda and not windows.config.audio.adaptive  # which a CPU computes
        if fits and Resident.size(windows, len(variants)) < SHARE * _free(self.device):
            there = Resident(windows, self.device, variants, self.workers, progress)
            self.batch, self.resident, self.workers = there.batch, True, 0

    def read(self, windows: Sequence[Window]) -> LocalBatch:
        """Read this process's part of a batch: of n processes, every n-th window."""
        a = self.accelerator
        mine = windows[a.process_index :: a.num_processes]
        # As long as the longest of all processes, since an encoder sees a little of the padding.
        frames = max(map(self.windows.frames, windows))
        if self.device.type == "cuda":  # few shapes, for CUDA graphs
            frames += -frames % self.windows.grid
        batch = self.batch(mine or windows[:1], frames)
        return LocalBatch(batch, sum(map(self.windows.counted, windows)), not mine)

    def batches(self, epoch: int, index: int) -> Iterator[tuple[int, int, LocalBatch]]:
        """The batches from number ``index`` of an epoch on, without end, each with the epoch and
        number of the one after it."""

        def planned() -> Iterator[tuple[int, int, list[Window]]]:
            number, begin = epoch, index
            while True:
                batches = self.windows.epoch(number)
                for i in range(begin, len(batches)):
                    last = i + 1 == len(batches)
                    yield number + last, 0 if last else i + 1, batches[i]
                number, begin = number + 1, 0

        def read(plan: tuple[int, int, list[Window]]) -> tuple[int, int, LocalBatch]:
            number, following, windows = plan
            return number, following, self.read(windows)

        if self.resident:
            return map(read, planned())
        return prefetch(planned(), read, self.workers, pin=self.device.type == "cuda")


def variants(config: Config, speaks: bool) -> tuple[bool, ...]:
    """Whether a training set has predicted spectrograms, real ones, or both."""
    fraction = config.train.predicted if speaks and config.conditioning.features == "mel" else 0.0
    return (False,) * (fraction < 1) + (True,) * (fraction > 0)


def _free(device: torch.device) -> int:
    """Bytes of a GPU's memory that nothing uses."""
    return int(torch.cuda.mem_get_info(device)[0])
