"""Compiling with numba: once for each CPU and version of the code, and never a reason to stop."""

from __future__ import annotations

import hashlib
import inspect
import logging
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import NullCache

from wavegen.cache import default_cache

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., object])


def part(function: F) -> F:
    """Compile a function that `whole` ones call.

    Without numba's runtime (``_nrt``), arrays are not counted as references on their way through
    calls; the atomic counts took a tenth of the time. Nothing can be allocated then. Nor can Python
    call it (it would crash): those entries took a third of the time to compile.
    """
    return _njit(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def whole(function: F, name: str) -> F:
    """Compile a function that Python calls: without the interpreter lock, and kept on disk.

    numba looks for changes in the file of the function only, so the folder is named after all the
    code beside it. Where it can't be written, the function is compiled anew in each process.

    Args:
        function: to compile on its first call.
        name: a folder of its own; two processes that compile different types at once could
            otherwise confuse them in numba's index.
    """
    beside = Path(inspect.getfile(function)).parent.glob("*.py")
    code = b"".join(p.read_bytes() for p in sorted(beside))
    before = numba.config.CACHE_DIR
    base = Path(before) if before else default_cache() / "numba"
    folder = base / hashlib.sha256(code).hexdigest()[:16] / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        numba.config.CACHE_DIR = str(folder)
        return _njit(function, nogil=True, cache=True)
    except OSError:
        return _njit(function, nogil=True)
    finally:
        numba.config.CACHE_DIR = before


def settled(function: Any, *args: object) -> Any:
    """Call a `whole` function; where its folder turns out full or broken, it is compiled anew."""
    try:
        return function(*args)
    except (OSError, EOFError, pickle.UnpicklingError) as e:
        log.warning("compiled code can't be kept or read (%s)", e)
        function._cache = NullCache()
        return function(*args)


def _njit(function: F, **options: Any) -> F:
    return cast(F, numba.njit(_nrt=False, **options)(function))
