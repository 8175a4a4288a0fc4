"""Where prepared data is kept."""

import os
from pathlib import Path


def default_cache() -> Path:
    """The user's cache folder, or ``$WAVEGEN_CACHE``."""
    import platformdirs

    return Path(os.environ.get("WAVEGEN_CACHE") or platformdirs.user_cache_dir("wavegen"))
