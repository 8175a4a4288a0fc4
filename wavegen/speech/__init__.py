"""Text and timing to local features."""

from wavegen.speech.local import FEATURES

__all__ = ["FEATURES"]
