"""Triton's interpreter, fast enough for tests."""

from __future__ import annotations

from typing import Any


def speed_up() -> None:
    """Leave out what takes four fifths of its time: checks of every integer for overflow, and
    preparing a module anew for each call of a function in it. And let a loop end at a number that
    was read, which this version of NumPy keeps it from."""
    from triton.runtime import interpreter

    prepared, patch = set[str](), interpreter._patch_lang_tensor

    def patch_tensor(tensor: Any, scope: Any) -> None:
        patch(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda self: self.handle.data.item())

    def call(self: Any, *args: Any, **options: Any) -> Any:
        module = self.fn.__module__
        if module.startswith("triton") and module not in prepared:
            prepared.add(module)
            interpreter._patch_lang(self.fn)
        return self.rewrite()(*args, **options)

    interpreter._patch_lang_tensor = patch_tensor
    known = interpreter.InterpreterOptions(sanitize_overflow=False)
    interpreter.interpreter_builder.options = known
    interpreter.InterpretedFunction.__call__ = call
