"""Words of memory by which two threads tell each other how far they are, without locks.

Each lies on cache lines of its own and is written by one of the threads. Whoever reads a word finds
all that the other thread wrote before it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from wavegen.vectors import I32, Array, intrinsic

WORD = 8
"""Bytes."""


@intrinsic
def read(_, words, at):  # type: ignore[no-untyped-def]
    """A word."""
    signature = types.int64(words, types.intp)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        place = Array(context, b, signature.args[0], *args).start
        return b.load_atomic(place, "acquire", WORD)

    return signature, codegen


@intrinsic
def write(_, words, at, value):  # type: ignore[no-untyped-def]
    """Change a word."""
    signature = types.void(words, types.intp, types.int64)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        place = Array(context, b, signature.args[0], *args[:2]).start
        b.store_atomic(args[2], place, "release", WORD)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def pause(_):  # type: ignore[no-untyped-def]
    """Tell the CPU that it waits in a loop."""
    signature = types.void()

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        machine = context.codegen().magic_tuple()[0].partition("-")[0]
        if machine in ("x86_64", "i686"):
            kind = ir.FunctionType(ir.VoidType(), [])
            b.call(cgutils.get_or_insert_function(b.module, kind, "llvm.x86.sse2.pause"), [])
        elif machine in ("aarch64", "arm64"):
            kind = ir.FunctionType(ir.VoidType(), [I32])
            name = "llvm.aarch64.hint"
            b.call(cgutils.get_or_insert_function(b.module, kind, name), [I32(1)])
        return context.get_dummy_value()

    return signature, codegen
