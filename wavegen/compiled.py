"""Compiled functions, loaded from object code that is cached on disk.

numba compiles a function once (`wavegen.compiling`); from then on its object code is loaded by
llvmlite alone. numba takes a second to import and to prepare its types, llvmlite a twentieth.

A function's arguments are passed as one struct, laid out as numba lays out a tuple of them: a
number takes 8 bytes, an array its header (see `_lay_out`), a tuple its members. A cache that fails
costs time and is never an error.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import re
import struct
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from wavegen.cache import default_cache
from wavegen.files import write_file

log = logging.getLogger(__name__)
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|.*)|import[ \t]+([\w., \t]+))", re.M
)
_CALL = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.POINTER(ctypes.c_int64), ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p
)
"""How numba's functions are called: where to put the result and an exception; the argument."""


class Compiled:
    """A function that numba compiles, called without the interpreter lock.

    Arrays must be contiguous. For each combination of the arguments' types there is object code of
    its own.

    Args:
        module: dotted name of the module that defines the function; only imported to compile it.
        name: of the function, which returns an integer.
        title: what it is, for people.
    """

    def __init__(self, module: str, name: str, title: str) -> None:
        self._module, self._name, self._title = module, name, title
        self._loaded: dict[str, Callable[..., int]] = {}
        self._lock = threading.Lock()

    def __call__(self, *args: Any) -> int:
        """Call the function, compiled before if need be.

        Raises:
            ValueError: an array is not contiguous.
        """
        return self.bind(*args)()

    def bind(self, *args: Any) -> Callable[[], int]:
        """The call of the function with these arguments, to be made any number of times: it finds
        what their arrays hold by then.

        Raises:
            ValueError: an array is not contiguous.
        """
        kinds = _kind(args)
        function = self._loaded.get(kinds)
        if function is None:
            with self._lock:  # several threads that need it at once wait for one
                if kinds not in self._loaded:
                    self._loaded[kinds] = _load(*self._object_code(kinds, args))
            function = self._loaded[kinds]
        words: list[int | float] = []
        _lay_out(args, words)
        form = "".join(["d" if type(word) is float else "q" for word in words])
        return _Call(function, struct.pack(f"={form}", *words), args)

    def _object_code(self, kinds: str, args: Any) -> tuple[bytes, bytes]:
        """The symbol and the object code for arguments of these types, from the cache if it is
        there."""
        configured = os.environ.get("NUMBA_CACHE_DIR")
        folder = Path(configured) if configured else default_cache() / "compiled"
        file = folder / f"{self._module}-{self._key(kinds)}.o"
        try:
            check, symbol, code = file.read_bytes().split(b"\n", 2)
            if check == _digest(symbol + code):
                return symbol, code
            raise ValueError("it is damaged")
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as e:
            log.warning("compiled code can't be loaded (%s: %s)", file, e)
        log.info("compiling %s for this CPU (once, some seconds) …", self._title)
        from wavegen.compiling import compile_object

        symbol, code = compile_object(self._module, self._name, args)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_file(file, b"\n".join([_digest(symbol + code), symbol, code]))
        except OSError as e:
            log.debug("compiled code can't be kept (%s)", e)
        return symbol, code

    def _key(self, kinds: str) -> str:
        """Names all that the object code depends on."""
        numba = sorted(item for item in os.environ.items() if item[0].startswith("NUMBA_CPU_"))
        made_by = version("numba"), version("llvmlite"), llvm.get_default_triple(), numba
        cpu = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
        key = hashlib.sha256(repr((self._module, self._name, kinds, made_by, cpu)).encode())
        spec = find_spec(self._module)
        assert spec is not None
        assert spec.origin is not None
        for path in source_files(Path(spec.origin)):
            key.update(path.read_bytes())
        return key.hexdigest()[:16]


class _Call:
    """A call of a function; it keeps the arguments alive."""

    def __init__(self, function: Callable[..., int], packed: bytes, args: Any) -> None:
        self._function, self._packed, self._args = function, packed, args
        self._result, self._raised = ctypes.c_int64(), ctypes.c_void_p()

    def __call__(self) -> int:
        self._function(self._result, self._raised, self._packed)
        return self._result.value


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def _kind(value: Any) -> str:
    """The type of an argument, as far as compiled code depends on it."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype.str}{value.ndim}"
    if isinstance(value, tuple):
        return f"{type(value).__name__}({','.join(map(_kind, value))})"
    return "f" if isinstance(value, float) else "i"


def _lay_out(value: Any, words: list[int | float]) -> None:
    """Append an argument in words of 8 bytes, as numba's data model has it."""
    if isinstance(value, np.ndarray):
        if not value.flags.c_contiguous:
            raise ValueError("compiled functions take contiguous arrays")
        # Owner and its reference count (none), then the fields of an array.
        words += 0, 0, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides
    elif isinstance(value, tuple):
        for part in value:
            _lay_out(part, words)
    else:
        words.append(float(value) if isinstance(value, float) else int(value))


_engines: list[Any] = []
"""Hold loaded code in memory; one for each function, since their symbols have the same names."""


def _load(symbol: bytes, code: bytes) -> Callable[..., int]:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    return _CALL(engine.get_function_address(symbol.decode()))


@functools.cache
def source_files(module: Path) -> list[Path]:
    """The file of a module, and those of all modules of its package that it imports, directly or
    not: their functions and constants can be compiled into its own."""
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
    for module, names, modules in _IMPORT.findall(file.read_text()):
        yield from re.findall(r"[\w.]+", modules)
        if module:
            yield module
            yield from (f"{module}.{name}" for name in re.findall(r"\w+", names))


def _file(module: str, root: Path) -> Path | None:
    """The file of a module, if it lies in the package at ``root``."""
    package, *parts = module.split(".")
    path = root.joinpath(*parts)
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((p for p in candidates if package == root.name and p.is_file()), None)
