"""Compile the fused block's kernels for GPUs that need not be there; print what they need of them.

Run by `test_fused` in a process of its own, since in others Triton interprets.
"""

from __future__ import annotations

import itertools
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
GPUS = {80: False, 90: True}
"""Compute capabilities, and whether it is that of a Hopper."""


def resources(name: str, channels: int, capability: int, group: int = 16) -> dict[str, Any]:
    kernel: Any = getattr(fused, f"_{name}")
    shape = fused.shape(name, channels, GPUS[capability])
    constants = {"R": channels, "BT": shape.tile, "DT": tl.bfloat16, "GROUP": group, "FAST": True}
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
        target=GPUTarget("cuda", capability, 32),
        options={"num_warps": shape.warps},
    )
    with NamedTemporaryFile(suffix=".cubin") as file:
        file.write(made.asm["cubin"])
        file.flush()
        usage = _tool("cuobjdump", "-res-usage", file.name)
        found = re.search(r"REG:(\d+) STACK:(\d+)", usage)
        loop = _loop(_tool("nvdisasm", "-c", file.name))
    assert found
    return {
        "registers": int(found[1]),
        "stack": int(found[2]),
        "shared": made.metadata.shared,
        "instructions": len(loop) * shape.warps / shape.tile,
        "products": _count(loop, "HMMA|HGMMA"),
        "groups of four warps": _count(loop, "HGMMA") > 0,
        "spilled": _count(loop, "STL"),
        "reloaded": _count(loop, "LDL"),
        "narrow": _count(loop, r"(LDG(?!DEP)|STG)(?!.*\.128)"),
        "barriers": _count(loop, "BAR"),
    }


def _tool(name: str, *arguments: str) -> str:
    return subprocess.run(
        [TOOLS / name, *arguments], check=True, capture_output=True, text=True
    ).stdout


def _loop(assembly: str) -> list[str]:
    """The instructions of the longest loop."""
    labels, instructions, longest = dict[str, int](), list[str](), list[str]()
    for line in assembly.splitlines():
        if label := re.match(r"(\.L_x_\d+):", line):
            labels[label[1]] = len(instructions)
        elif found := re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+ )?([A-Z][\w.]*)(.*)", line):
            instructions.append(found[1])
            to = re.search(r"\.L_x_\d+", found[2]) if found[1].startswith("BRA") else None
            body = instructions[labels.get(to[0], len(instructions)) :] if to else []
            longest = max(longest, body, key=len)
    return longest


def _count(instructions: list[str], pattern: str) -> int:
    return sum(re.match(pattern, i) is not None for i in instructions)


if __name__ == "__main__":
    for name, channels in itertools.product(("forward", "backward"), fused.CHANNELS):
        for capability in GPUS if channels == max(fused.CHANNELS) else [90]:
            found = resources(name, channels, capability)
            row = {"kernel": name, "channels": channels, "capability": capability, **found}
            print(json.dumps(row), flush=True)
