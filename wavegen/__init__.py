"""wavegen: command-line audio synthesis with WaveNet."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wavegen.api import load_voice, to_wav_bytes
    from wavegen.report.train import train

# OpenMP reads this when torch loads it. By default its threads spin while they wait for each other,
# so that on a busy machine training slows down by far more than its share of the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"
__all__ = ["__version__", "load_voice", "to_wav_bytes", "train"]


def __getattr__(name: str) -> Any:
    # Lazy: importing torch takes seconds, and `wavegen --help` needs none of it.
    if name in ("load_voice", "to_wav_bytes"):
        from wavegen import api

        return getattr(api, name)
    if name == "train":
        from wavegen.report.train import train

        return train
    raise AttributeError(f"module 'wavegen' has no attribute {name!r}")
