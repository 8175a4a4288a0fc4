"""Compile the fused block's kernels for an H100 that needs not be there; print their resources.

Run by `test_fused` in a process of its own, since in others Triton interprets.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from wavegen.model import fused

TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
NUMBERS = {"T", "hop", "d", "tiles", "work", "rounds", "stride"}


def resources(name: str, channels: int) -> dict[str, Any]:
    kernel: Any = getattr(fused, f"_{name}")
    constants = {"R": channels, "BT": fused.TILES[name], "DT": tl.bfloat16}
    signature, known, aligned = {}, {}, {}
    for i, argument in enumerate(kernel.arg_names):
        if argument in constants:
            signature[argument], known[(i,)] = "constexpr", constants[argument]
            continue
        signature[argument] = "*fp32" if argument == "sums" else "*bf16"
        if argument in NUMBERS:
            signature[argument] = "i32"
        if argument not in NUMBERS or argument == "stride":  # as those of a launch are
            aligned[(i,)] = [["tt.divisibility", 16]]
    made = triton.compile(
        ASTSource(kernel, signature, known, aligned),
        target=GPUTarget("cuda", 90, 32),
        options=fused.options(name, channels),
    )
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
        "products": len(re.findall(r"mma", made.asm["ptx"])),
    }


if __name__ == "__main__":
    for name in fused.TILES:
        for channels in fused.CHANNELS:
            found = resources(name, channels)
            print(json.dumps({"kernel": name, "channels": channels, **found}), flush=True)
