"""wavegen: command-line audio synthesis with WaveNet."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wavegen.api import load_voice

__version__ = "0.1.0"
__all__ = ["__version__", "load_voice"]


def __getattr__(name: str) -> Any:
    # Lazy, so that `wavegen --help` does not pay for torch.
    if name == "load_voice":
        from wavegen.api import load_voice

        return load_voice
    raise AttributeError(f"module 'wavegen' has no attribute {name!r}")
