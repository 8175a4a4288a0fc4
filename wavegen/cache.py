"""Where wavegen keeps what it can make again."""

import os
from pathlib import Path


def default_cache() -> Path:
    """The user's cache folder (``WAVEGEN_CACHE`` moves it)."""
    import platformdirs

    return Path(os.environ.get("WAVEGEN_CACHE") or platformdirs.user_cache_dir("wavegen"))
