"""Compiling with numba: once for each CPU and version of the code, and never a reason to stop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

from wavegen.cache import default_cache

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """``numba.njit(nogil=True, cache=True)``, for any state of the cache folder.

    numba looks for changes in the file of the function only, so the folder is named after all of
    the engine's code. Where none can be written, the function is compiled anew in each process.
    """
    code = b"".join(p.read_bytes() for p in sorted(Path(__file__).parent.glob("*.py")))
    before = numba.config.CACHE_DIR
    folder = Path(before) if before else default_cache() / "numba"
    numba.config.CACHE_DIR = str(folder / hashlib.sha256(code).hexdigest()[:16])
    try:
        return cast(F, numba.njit(nogil=True, cache=True, _nrt=False)(function))
    except RuntimeError:  # "no locator available"
        return cast(F, numba.njit(nogil=True, _nrt=False)(function))
    finally:
        numba.config.CACHE_DIR = before
