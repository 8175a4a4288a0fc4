"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import re
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from wavegen.errors import WavegenError

_HOST = re.sub(r"\W", "_", socket.gethostname())


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder that replaces ``path`` when the block succeeds."""
    beside = _temporary(path.parent, path.suffix)
    try:
        yield beside
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o666 & ~umask)  # mkstemp's 0600 is for secrets
        with beside.open("rb") as f:
            os.fsync(f.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _temporary(folder: Path, suffix: str = "") -> Path:
    """An empty file of this process."""
    prefix = f".wavegen-{_HOST}-{os.getpid()}-"
    handle, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=suffix)
    os.close(handle)
    return Path(name)


def check_folder(folder: Path) -> None:
    """Raises `OSError` where no file can be made in a folder, which its permissions don't tell."""
    _temporary(folder).unlink()


def forget_killed(folder: Path, ending: bool = False) -> None:
    """Remove, at any depth, what `whole_file` left behind in processes of this machine that were
    killed; those still at work keep theirs, and this one unless it is ``ending``: a signal can
    come between the making of a file and the `try` that removes it."""
    for path in folder.rglob(f".wavegen-{_HOST}-*"):
        pid = path.name.removeprefix(f".wavegen-{_HOST}-").split("-")[0]
        mine = ending and pid == str(os.getpid())
        if pid.isdecimal() and (mine or not _runs(int(pid))):
            path.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # someone else's
        return True
    return True


def check_output(path: Path, force: bool, suffixes: Sequence[str]) -> None:
    """Raises `WavegenError` when a file can't be written there, before any work is done."""
    if path.suffix.lower() not in suffixes:
        raise WavegenError(f"output {path}: the suffix must be one of {', '.join(suffixes)}")
    try:
        folder, exists, parent = path.is_dir(), path.exists(), path.parent.is_dir()
    except OSError as e:  # such as a name that is too long
        raise WavegenError(f"output {path}: {e.strerror or e}") from e
    if folder:
        raise WavegenError(f"output {path} is a folder; give a file name")
    if not parent:
        raise WavegenError(f"output {path}: the folder {path.parent} does not exist")
    if exists and not force:
        raise WavegenError(f"output {path} exists; --force replaces it")
    if not os.access(path.parent, os.W_OK):
        raise WavegenError(f"output {path}: the folder {path.parent} can't be written to")
