"""The kernel, compiled for a GPU that need not be there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import networks
import pytest

pytest.importorskip("triton")

H100 = {"arch": 90, "shared": 227 << 10}
RTX_4090 = {"arch": 89, "shared": 99 << 10}
STACK = {"pool": 16, "layers": 8, "kernel_size": 2, "channels": 64}
HEARS = {"dilation_cycle": 10, "signal": True, "period": True}
NETWORKS: list[dict[str, Any]] = [
    {**H100, "size": "medium", "order": 128, "context": [STACK], **HEARS},
    {**H100, "size": "large", **HEARS},
    {**RTX_4090, "size": "medium", "order": 128, "context": [STACK], **HEARS},
]
"""What has to fit into registers, and into memory that threads share."""


def test_it_compiles_for_gpus_and_spills_no_register() -> None:
    paths = [str(Path(networks.__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("compile_for_gpus.py"), json.dumps(NETWORKS)],
        env=os.environ | {"TRITON_INTERPRET": "0", "PYTHONPATH": os.pathsep.join(paths)},
        check=True,
        capture_output=True,
        text=True,
    )
    for line, asked in zip(done.stdout.splitlines(), NETWORKS, strict=True):
        found = json.loads(line)
        assert found["stack"] == 0, asked
        assert found["shared"] <= asked["shared"], asked
        assert found["read_only_loads"] == 0, asked
        assert found["tensor_core_products"] > 0, asked
