"""Compile the kernel as a launch would, for GPUs that need not be there; print its resources.

Run by `test_kernel` in a process of its own, since in others Triton interprets.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import torch
import triton
from networks import HOP, network, random_predictor, random_rows
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

from wavegen.config import SIZES
from wavegen.generation.job import Job
from wavegen.generation.triton import group
from wavegen.generation.triton.packing import pack, sizes_of

TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"


class Absent:
    """The driver of a device that is not there, of one architecture."""

    def __init__(self, arch: int) -> None:
        self.arch = arch

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", self.arch, 32)

    def get_current_device(self) -> int:
        return self.arch

    def get_current_stream(self, device: int) -> int:
        return 0


class Compiled:
    """Stands for the kernel: compiles it with the arguments of a launch, and draws nothing."""

    def __init__(self, kernel: Any) -> None:
        self.kernel, self.made = kernel, list[Any]()

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        def launch(*args: Any, **options: Any) -> None:
            self.made.append(self.kernel.warmup(*args, grid=grid, **options))

        return launch


def resources(
    network_of: dict[str, Any], shared: int, order: int, precision: Any
) -> dict[str, int]:
    sizes: dict[str, int] = SIZES.get(network_of.pop("size", ""), {})
    model = network(True, **(sizes | network_of))
    device = torch.device("cpu")
    known = sizes_of(model, HOP, precision, order, shared=shared)
    g = group.Group(model, pack(model, known, device), known, device)
    phase = torch.zeros(9, dtype=torch.int64)
    rows = random_rows(model, 1, 1)[0]
    g.add(0, Job(rows, 9, "", phase=phase, predictor=random_predictor(1)))
    compiled = group.draw = Compiled(group.draw)
    g.launch(9)
    group.draw = compiled.kernel
    [made] = compiled.made
    with NamedTemporaryFile(suffix=".cubin") as file:
        file.write(made.asm["cubin"])
        file.flush()
        command = [TOOLS / "cuobjdump", "-res-usage", file.name]
        usage = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+)", usage)
    assert found
    return {
        "registers": int(found[1]),
        "stack": int(found[2]),
        "shared": made.metadata.shared,
        "tensor_core_products": made.asm["ptx"].count("mma.sync"),
        # What a program may read from a cache that doesn't see what it has stored.
        "read_only_loads": made.asm["ptx"].count("ld.global.nc"),
    }


if __name__ == "__main__":
    for asked in json.loads(sys.argv[1]):
        driver.set_active(Absent(asked.pop("arch")))
        shared, order = asked.pop("shared"), asked.pop("order", 24)
        found = resources(asked, shared, order, asked.pop("precision", "f16"))
        print(json.dumps(found), flush=True)
