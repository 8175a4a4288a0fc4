"""Compilation with numba, for `wavegen.compiled`; only modules of compiled functions import it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar, cast

import numba
from numba import types
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])


def compile_inner(function: F) -> F:
    """Compile a function that only compiled functions call; Python can't (it would crash).

    Without numba's runtime (``_nrt``), arrays are not reference-counted when passed to calls; the
    atomic counts took a tenth of the time. In exchange nothing can be allocated. There are no
    entry points for Python, which took a third of the compile time, and a division by zero raises
    nothing, as in NumPy.
    """
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
    compiled: Any = numba.njit(_nrt=False, **options)(function)
    template = compiled.get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        plain = {name: types.unliteral(t) for name, t in kws.items()}
        return template(tuple(map(types.unliteral, args)), plain)

    # numba would compile a function anew for every constant that it is called with.
    compiled.get_call_template = get_call_template
    return cast(F, compiled)


def compile_object(module: str, name: str, args: tuple[Any, ...]) -> tuple[bytes, bytes]:
    """Compile a function for arguments of the types of these.

    Args:
        module: dotted name of its module.
        name: of the function, compiled by `compile_inner`.
        args: as of `wavegen.compiled.Compiled`.

    Returns:
        Symbol and object code of a function with one argument, the address of a struct of all.
    """
    function = getattr(import_module(module), name)
    kinds = numba.typeof(args)

    def load(_: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            struct = context.get_data_type(kinds).as_pointer()
            value = builder.load(builder.bitcast(values[0], struct), align=1)
            return context.data_model_manager[kinds].from_data(builder, value)

        return kinds(types.voidptr), codegen

    load_struct = intrinsic(load)

    @compile_inner
    def entry(address: Any) -> Any:
        return function(*load_struct(address))

    made: Any = entry
    made.compile((types.voidptr,))
    [result] = made.overloads.values()
    return result.fndesc.llvm_func_name.encode(), result.library._get_compiled_object()
