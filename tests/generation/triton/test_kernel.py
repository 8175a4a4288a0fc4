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

NETWORKS: list[dict[str, Any]] = [
    {"size": "medium", "dilation_cycle": 10, "signal": True, "period": True},
    {"size": "large", "dilation_cycle": 10, "signal": True, "period": True},
]
"""What has to fit into registers."""


def test_it_compiles_for_an_h100_and_spills_no_register() -> None:
    paths = [str(Path(networks.__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("compile_for_sm90.py"), json.dumps(NETWORKS)],
        env=os.environ | {"TRITON_INTERPRET": "0", "PYTHONPATH": os.pathsep.join(paths)},
        check=True,
        capture_output=True,
        text=True,
    )
    for line, asked in zip(done.stdout.splitlines(), NETWORKS, strict=True):
        found = json.loads(line)
        assert found["stack"] == 0, asked
        assert found["shared"] <= 227 * 1024, asked
        assert found["tensor_core_products"] > 0, asked
