"""Compiled code is cached, and never outlives the code that it was made of."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import wavegen
from wavegen.audio import filter_loop
from wavegen.compiled import source_files
from wavegen.generation.numba import step

PACKAGE = Path(wavegen.__file__).parent


def sources(module: object) -> set[str]:
    files = source_files(Path(inspect.getfile(module)))  # type: ignore[arg-type]
    return {f.relative_to(PACKAGE).as_posix() for f in files}


def test_the_cache_depends_on_every_module_whose_constants_are_compiled_in() -> None:
    engine = {"step", "stacks", "sampling", "prediction", "simd", "state", "layout"}
    expected = {f"generation/numba/{name}.py" for name in engine}
    assert sources(step) >= expected | {"outputs/bins.py", "compiling.py"}
    assert sources(filter_loop) == {"audio/filter_loop.py", "compiling.py"}


def test_compiled_code_depends_on_no_network() -> None:
    """Otherwise every change to the model would compile the engine again."""
    assert not [f for f in sources(step) if f.startswith("model/")]


def test_a_changed_constant_in_another_module_is_compiled_in(tmp_path: Path) -> None:
    package = tmp_path / "kernels"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "deep" / "__init__.py").touch()
    (package / "constants.py").write_text("GAIN = 2\n")
    (package / "inner.py").write_text("from kernels.constants import GAIN\n")
    (package / "deep" / "entry.py").write_text(
        "from kernels import inner\n"
        "from wavegen.compiling import compile_inner\n"
        "@compile_inner\ndef gain(of: int) -> int:\n    return inner.GAIN * of\n"
    )

    program = (
        "from wavegen.compiled import Compiled\n"
        "print(Compiled('kernels.deep.entry', 'gain', 'a product')(1))"
    )

    def gain() -> str:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join([str(tmp_path), str(PACKAGE.parent)]),
                "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert gain() == gain() == "2"
    assert len([*(tmp_path / "cache").iterdir()]) == 1
    (package / "constants.py").write_text("GAIN = 3\n")
    assert gain() == "3"
