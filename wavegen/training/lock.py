"""One process at a time trains in a run directory."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from wavegen.errors import TrainingError

LOCK = ".lock"


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold a run directory, which is made if it is missing, and removed if nothing gets into it.

    The operating system releases the lock when its process ends, however that happens. Of several
    processes that train together the first holds it.

    Raises:
        TrainingError: another process holds the directory.
        OSError: it can't be written into.
    """
    if os.environ.get("RANK", "0") != "0":
        yield
        return
    new = not run.exists()
    run.mkdir(parents=True, exist_ok=True)
    file = run / LOCK
    holder = file.read_text() if file.exists() else ""
    lock = filelock.FileLock(file)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as e:
        who = holder or "another process"
        raise TrainingError(
            f"{who} is training in {run}: wait until it ends, or choose another --out"
        ) from e
    try:
        file.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        empty = [*run.iterdir()] == [file]
        if empty:
            file.unlink()
        lock.release()
        if empty and new:
            with suppress(OSError):  # another process has begun there
                run.rmdir()
