"""Compilation with numba, cached on disk; a cache that fails costs time and is never an error."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import logging
import pickle
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import NullCache

from wavegen.cache import default_cache

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


def compile_inner(function: F) -> F:
    """Compile a function that only compiled functions call.

    Without numba's runtime (``_nrt``), arrays are not reference-counted when passed to calls; the
    atomic counts took a tenth of the time. In exchange nothing can be allocated. Python can't call
    the function (it would crash): those entry points took a third of the compile time.
    """
    return _njit(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def compile_entry(function: F, name: str) -> F:
    """Compile a function that Python calls: it releases the interpreter lock and is cached on disk.

    numba itself looks for changes in the function's own file only, so the cache folder is named
    after the source code of all modules whose functions and constants can be compiled into it
    (`source_files`). Where the folder can't be written or read, each process compiles anew.

    Args:
        function: compiled on its first call.
        name: subfolder of its own; otherwise two processes that compile different types at the same
            time could mix them up in numba's index.
    """
    configured = numba.config.CACHE_DIR
    base = Path(configured) if configured else default_cache() / "numba"
    code = b"".join(p.read_bytes() for p in source_files(Path(inspect.getfile(function))))
    folder = base / hashlib.sha256(code).hexdigest()[:16] / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        numba.config.CACHE_DIR = str(folder)
        compiled: Any = _njit(function, nogil=True, cache=True)
    except OSError:
        compiled = _njit(function, nogil=True)
    finally:
        numba.config.CACHE_DIR = configured

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        try:
            return compiled(*args)
        except (OSError, EOFError, pickle.UnpicklingError) as e:
            log.warning("compiled code can't be cached or loaded (%s)", e)
            compiled._cache = NullCache()
            return compiled(*args)

    return cast(F, call)


@functools.cache
def source_files(module: Path) -> list[Path]:
    """The file of a module, and those of all modules of its package that it imports, directly or
    not."""
    root = module.parent
    while (root.parent / "__init__.py").is_file():
        root = root.parent
    found: set[Path] = set()
    todo = [module]
    while todo:
        file = todo.pop()
        if file not in found:
            found.add(file)
            todo += [path for name in _imports(file) if (path := _file(name, root))]
    return sorted(found)


def _imports(file: Path) -> Iterator[str]:
    """The dotted names that a file imports; the last part may be a name inside of a module."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file(module: str, root: Path) -> Path | None:
    """The file of a module, if it lies in the package at ``root``."""
    package, *parts = module.split(".")
    path = root.joinpath(*parts)
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((p for p in candidates if package == root.name and p.is_file()), None)


def _njit(function: F, **options: Any) -> F:
    return cast(F, numba.njit(_nrt=False, **options)(function))
