"""librosa's cache of compiled code, which several processes at once can damage."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import filelock

_done: set[str] = set()


@contextlib.contextmanager
def one_process_compiles(what: str) -> Iterator[None]:
    """Hold a lock the first time that this process imports a part of librosa and calls it, by which
    it is compiled. Processes whose caches were damaged crash."""
    if what in _done:
        yield
        return
    user = os.getuid() if hasattr(os, "getuid") else ""
    with filelock.FileLock(Path(tempfile.gettempdir()) / f"wavegen-librosa-{user}.lock"):
        yield
    _done.add(what)
