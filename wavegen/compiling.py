"""Compilation with numba, for `wavegen.compiled`; only modules of compiled functions import it.

numba would optimise and assemble every function by itself and again inside of each that calls it.
Here it translates each into LLVM's language once, and LLVM compiles all of them together.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, TypeVar, cast

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import types
from numba.core.codegen import CodeLibrary
from numba.core.compiler import Compiler
from numba.core.datamodel.models import PrimitiveModel
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, register_model

F = TypeVar("F", bound=Callable[..., Any])
OPTIMISATION = 3
I32 = ir.IntType(32)


def compile_inner(function: F) -> F:
    """Compile a function that only compiled functions call; Python can't (it would crash).

    Without numba's runtime (``_nrt``), arrays are not reference-counted when passed to calls; the
    atomic counts took a tenth of the time. In exchange nothing can be allocated. A division by zero
    raises nothing, as in NumPy.
    """
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
    compiled: Any = numba.njit(_nrt=False, pipeline_class=_Pipeline, **options)(function)
    template = compiled.get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        plain = {name: types.unliteral(t) for name, t in kws.items()}
        return template(tuple(map(types.unliteral, args)), plain)

    # numba would compile a function anew for every constant that it is called with.
    compiled.get_call_template = get_call_template
    return cast(F, compiled)


class _Function(CodeLibrary):  # type: ignore[misc]
    """A function in LLVM's language, and those that it calls."""

    def __init__(self, codegen: Any, name: str) -> None:
        super().__init__(codegen, name)
        self._module: Any = None
        self._called: list[Any] = []

    def add_ir_module(self, module: Any) -> None:
        self._module = module

    def add_linking_library(self, library: Any) -> None:
        self._called.append(library)

    def finalize(self) -> None:
        self._finalized = True

    def get_llvm_str(self) -> str:
        return str(self._module)

    def get_asm_str(self) -> str:
        raise NotImplementedError

    def get_function(self, name: str) -> Any:
        raise NotImplementedError

    def get_pointer_to_function(self, name: str) -> int:
        return 0  # nothing to call

    @property
    def codegen(self) -> Any:
        return self

    def set_env(self, name: str, env: Any) -> None:
        """Only code that calls Python has an environment."""

    def all(self, seen: set[Any]) -> Iterator[Any]:
        """It and all that it calls, directly or not, callers first."""
        seen.add(self)
        yield self
        for library in self._called:
            if isinstance(library, _Function):
                if library not in seen:
                    yield from library.all(seen)
            elif library not in seen:
                seen.add(library)
                yield library


class _Pipeline(Compiler):  # type: ignore[misc]
    """numba's, into a `_Function`."""

    def __init__(self, typing: Any, target: Any, library: Any, *rest: Any) -> None:
        super().__init__(typing, target, _Function(target.codegen(), "wavegen"), *rest)


class _Fields(types.Type):  # type: ignore[misc]
    """The address of a named tuple, whose fields stay the same during a call.

    numba would pass and copy all of the fields, hundreds of values.
    """

    def __init__(self, of: Any) -> None:
        super().__init__(f"Fields({of})")
        self.of = of


def _passed(kind: Any) -> Any:
    return _Fields(kind) if isinstance(kind, types.BaseNamedTuple) else kind


@register_model(_Fields)
class _FieldsModel(PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.IntType(8).as_pointer())


@infer_getattr
class _FieldsAttributes(AttributeTemplate):  # type: ignore[misc]
    key = _Fields

    def generic_resolve(self, fields: Any, name: str) -> Any:
        names = fields.of.fields
        return _passed(fields.of[names.index(name)]) if name in names else None


@lower_getattr_generic(_Fields)  # type: ignore[untyped-decorator]
def _get_field(context: Any, b: Any, fields: Any, address: Any, name: str) -> Any:
    return _element(context, b, fields.of, address, fields.of.fields.index(name))


def _element(context: Any, b: Any, of: Any, address: Any, index: int) -> Any:
    """An element of the tuple at an address, as it is passed."""
    start = b.bitcast(address, context.get_data_type(of).as_pointer())
    place = b.gep(start, [I32(0), I32(index)], inbounds=True)
    if isinstance(of[index], types.BaseNamedTuple):
        return b.bitcast(place, address.type)
    return context.data_model_manager[of[index]].from_data(b, _constant(b, place))


def _constant(b: Any, place: Any) -> Any:
    """Load a value that doesn't change during a call, so that LLVM keeps it in registers."""
    kind = place.type.pointee
    if isinstance(kind, ir.LiteralStructType | ir.ArrayType):
        value = kind(ir.Undefined)
        for i in range(len(kind)):
            part = b.gep(place, [I32(0), I32(i)], inbounds=True)
            value = b.insert_value(value, _constant(b, part), i)
        return value
    value = b.load(place, align=1)
    value.set_metadata("invariant.load", b.module.add_metadata([]))
    return value


def compile_object(module: str, name: str, args: tuple[Any, ...]) -> tuple[bytes, bytes]:
    """Compile a function for arguments of the types of these.

    Args:
        module: dotted name of its module.
        name: of the function, compiled by `compile_inner`.
        args: as of `wavegen.compiled.Compiled`.

    Returns:
        Symbol and object code of a function with one argument, the address of a struct of all.
    """
    kinds = numba.typeof(args)
    passed = types.Tuple([*map(_passed, kinds)])

    def load(_: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            [at] = values
            parts = [_element(context, builder, kinds, at, i) for i in range(len(kinds))]
            return context.make_tuple(builder, passed, parts)

        return passed(types.voidptr), codegen

    load_struct = intrinsic(load)
    collects = gc.isenabled()
    gc.disable()  # it took a fifth of the time
    try:
        function = getattr(import_module(module), name)

        @compile_inner
        def entry(address: Any) -> Any:
            return function(*load_struct(address))

        made: Any = entry
        made.compile((types.voidptr,))
        [result] = made.overloads.values()
        symbol = result.fndesc.llvm_func_name
        return symbol.encode(), _assemble(result.library, symbol)
    finally:
        if collects:
            gc.enable()


def _assemble(function: _Function, symbol: str) -> bytes:
    """Object code of a function with all that it calls, for this CPU."""
    whole, *others = (llvm.parse_assembly(f.get_llvm_str()) for f in function.all(set()))
    for other in others:
        for part in other.functions:
            if not part.is_declaration:
                part.linkage = "linkonce_odr"
        whole.link_in(other)
    triple, cpu, features = function._codegen.magic_tuple()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        cpu, features, OPTIMISATION, jit=True
    )
    tuning = llvm.create_pipeline_tuning_options(OPTIMISATION)
    passes = llvm.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(whole, passes)
    code: bytes = machine.emit_object(whole)
    return code
