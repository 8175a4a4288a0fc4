"""Whether the `triton` engine can run, without importing torch."""

import importlib.util
import os


def interpreted() -> bool:
    """Whether Triton interprets its kernels, on the CPU: slowly, for tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def lacks(device: str) -> str | None:
    """See `EngineSpec.lacks`."""
    if importlib.util.find_spec("triton") is None:
        return "the package triton: pip install triton"
    if device == "cuda" or (device == "cpu" and interpreted()):
        return None
    return "the voice on a CUDA device"
