"""Started by torchrun in a test: fused blocks are tried where one process fails, and where each
finds another way faster."""

import os
import sys
import time
from typing import Any

from accelerate import Accelerator
from networks import network, random_batch

from wavegen.config import TrainConfig
from wavegen.model import fused, layers
from wavegen.training import fusing
from wavegen.training.optimizer_step import Stepper

RANK = int(os.environ["RANK"])


class StandIn(layers.PlainBlock):
    """Fails in the last process, or is slow in the first and fast in the last one."""

    fails = True

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        if StandIn.fails and RANK == 1:
            raise RuntimeError("no compiler")
        time.sleep(0.0 if RANK == 1 else 0.1)
        return layers.PlainBlock.forward(ctx, *inputs)


def main() -> None:
    fusing.able = lambda stepper: True
    fused.fits = lambda *arguments: True
    fused.FusedBlock = StandIn  # type: ignore[misc]
    layers.tiles.fits = lambda *arguments: False
    for StandIn.fails in (True, False):
        warned: list[str] = []
        model = network(residual_channels=16, kernel_size=2)
        s = Stepper(model, TrainConfig(precision="bf16"), Accelerator(cpu=True), warned.append)
        s.update(random_batch(), 1)
        found = {block.fused for block in model.layers}
        sys.stdout.write(f"{RANK} {StandIn.fails} {found} {warned}\n")  # at once


if __name__ == "__main__":
    main()
