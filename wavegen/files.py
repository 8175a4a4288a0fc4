"""Output files: written atomically, and checked before any work is done."""

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
def atomic_write(path: Path, replace: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the same folder; it becomes ``path`` if the block succeeds.

    Raises:
        FileExistsError: not ``replace``, and another process has written ``path`` meanwhile.
        OSError: it can't be written; its ``filename`` is ``path``.
    """
    try:
        beside = _temporary(path.parent, path.suffix)
    except OSError as e:
        e.filename = str(path)
        raise
    try:
        yield beside
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o666 & ~umask)  # mkstemp's 0600 is for secrets
        with beside.open("rb") as f:
            os.fsync(f.fileno())
        if not replace:
            _claim(path, beside)
        beside.replace(path)
    except OSError as e:
        e.filename, e.filename2 = str(path), None  # a full disk names none
        raise
    finally:
        beside.unlink(missing_ok=True)


def _claim(path: Path, complete: Path) -> None:
    """Make ``path`` another name of a file; raises `FileExistsError` if it is taken. Unlike a check
    before renaming, this leaves no moment for another process."""
    try:
        path.hardlink_to(complete)
    except FileExistsError:
        raise
    except OSError:  # the file system has no hard links
        path.touch(exist_ok=False)


def write_file(path: Path, data: bytes, replace: bool = True, flag: str = "-o") -> None:
    """Write a file, which appears complete or not at all.

    Raises:
        WavegenError: it can't be written, or not ``replace`` and it exists.
    """
    try:
        with atomic_write(path, replace) as beside:
            beside.write_bytes(data)
    except FileExistsError as e:
        raise WavegenError(f"{flag} {path} exists; --force replaces it") from e
    except OSError as e:
        raise WavegenError(f"can't write {path}: {e.strerror or e}") from e


def _temporary(folder: Path, suffix: str = "") -> Path:
    """Create an empty file whose name carries this machine and process."""
    prefix = f".wavegen-{_HOST}-{os.getpid()}-"
    handle, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=suffix)
    os.close(handle)
    return Path(name)


def make_folder(folder: Path) -> None:
    """Make a folder for output files if it is missing.

    Raises:
        WavegenError: no file can be created in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _temporary(folder).unlink()  # permissions alone don't tell
    except OSError as e:
        raise WavegenError(f"can't write into {folder}: {e.strerror or e}") from e


def forget_killed(folder: Path, ending: bool = False) -> None:
    """Remove the temporary files of killed processes of this machine, at any depth.

    Running processes keep theirs. So does this one, unless it is ``ending``: a signal may arrive
    between the creation of a file and the ``try`` that would remove it.
    """
    for path in folder.rglob(f".wavegen-{_HOST}-*"):
        pid = path.name.removeprefix(f".wavegen-{_HOST}-").split("-")[0]
        mine = ending and pid == str(os.getpid())
        if pid.isdecimal() and (mine or not _runs(int(pid))):
            path.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    if os.name == "nt":  # where signal 0 is Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # someone else's
        return True
    return True


def check_output(path: Path, force: bool, suffixes: Sequence[str], flag: str = "-o") -> None:
    """Raise `WavegenError` if an output file can't be written, before any work is done."""
    try:
        folder, exists, parent = path.is_dir(), path.exists(), path.parent.is_dir()
    except OSError as e:  # such as a name that is too long
        raise WavegenError(f"{flag} {path}: {e.strerror or e}") from e
    if folder:
        raise WavegenError(f"{flag} {path} is a folder; it must name a file")
    if path.suffix.lower() not in suffixes:
        raise WavegenError(f"{flag} {path}: the suffix must be one of {', '.join(suffixes)}")
    if not parent:
        raise WavegenError(f"{flag} {path}: the folder {path.parent} does not exist")
    if exists and not force:
        raise WavegenError(f"{flag} {path} exists; --force replaces it")
    if not os.access(path.parent, os.W_OK):
        raise WavegenError(f"{flag} {path}: the folder {path.parent} can't be written to")


def check_output_folder(path: Path, flag: str = "-o") -> None:
    """Raise `WavegenError` if a path can't be a folder of output files; nothing is created."""
    try:
        if path.exists() and not path.is_dir():
            raise WavegenError(f"{flag} {path} is a file; it must name a folder")
    except OSError as e:
        raise WavegenError(f"{flag} {path}: {e.strerror or e}") from e
