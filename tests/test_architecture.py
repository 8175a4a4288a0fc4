"""The rules of the house: who imports whom, and names that must agree."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import wavegen
from wavegen import config
from wavegen.audio.writing import FORMATS
from wavegen.cli import options
from wavegen.data.layouts import LAYOUTS
from wavegen.generation import ENGINES
from wavegen.model.inputs import FEATURES
from wavegen.model.networks import NETWORKS
from wavegen.model.shapes import BODIES
from wavegen.outputs import OUTPUTS

PACKAGE = Path(wavegen.__file__).parent
TESTS = Path(__file__).parent
LAYERS = [
    {"config", "request", "speakers", "recipe", "errors", "files", "cache", "decoding"}
    | {"compiled", "compiling", "vectors", "products", "product_loop", "transfer"},
    {"audio", "text", "books"},
    {"outputs"},
    {"model"},
    {"generation", "speech"},
    {"voice", "data"},
    {"latents", "scales"},
    {"assembly", "recording", "utterance"},
    {"drawing"},
    {"synth", "library", "timing", "conversion"},
    {"api", "align", "training", "rendering", "score", "compression"},
    {"report", "bench", "serve"},
    {"cli"},
]
"""From the lowest: a layer imports only from those below it, and its members not each other (except
in the lowest)."""


def place(module: str) -> tuple[int, str]:
    """(layer, member) of a dotted module name below wavegen."""
    for number, members in enumerate(LAYERS):
        for m in members:
            if module == m or module.startswith(m + "."):
                return number, m
    raise AssertionError(f"wavegen.{module} has no place in the table of layers")


def test_a_layer_imports_only_from_layers_below() -> None:
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        module = ".".join(p for p in parts if p != "__init__")
        if module in ("", "__main__"):
            continue
        layer, member = place(module)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
                if node.module in ("wavegen", "wavegen.cli"):
                    names = [f"{node.module}.{a.name}" for a in node.names]
            elif isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            else:
                continue
            for name in names:
                if not name.startswith("wavegen."):
                    continue
                below, other = place(name.removeprefix("wavegen."))
                if not (below < layer or (below == layer and (other == member or layer == 0))):
                    wrong.append(f"{module} imports {name}")
    assert not wrong


def test_names_in_the_configuration_are_those_in_the_registries() -> None:
    assert set(get_args(config.Layout)) == {"auto", *LAYOUTS}
    assert set(get_args(config.Output)) == set(OUTPUTS)
    assert set(get_args(config.Kind)) == set(NETWORKS) == set(BODIES)
    assert set(get_args(config.Engine)) == set(ENGINES)
    assert set(get_args(config.Size)) == set(config.SIZES)
    assert {f".{name}" for name in get_args(get_args(options.Format)[0])} == set(FORMATS)
    assert set(get_args(config.Features)) == {"auto", "none", *FEATURES}


def test_help_does_not_import_torch() -> None:
    code = (
        "import sys\n"
        "sys.argv = ['wavegen', '--help']\n"
        "from wavegen.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('heavy:', sorted({'torch', 'numpy', 'librosa', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stdout
    assert "synth" in done.stdout


SPEAK = """
import sys
import wavegen
voice = wavegen.load_voice(sys.argv[1])
[chunk] = voice.synthesize("one two")
assert len(chunk.audio)
sys.argv = ["wavegen", "synth", "one", "--voice", sys.argv[1], "-o", sys.argv[2]]
sys.argv += ["--normalize", "-23"]
from wavegen.cli.app import main
try:
    main()
except SystemExit as e:
    assert not e.code
heavy = {"torch", "torchaudio", "scipy", "librosa", "numba"}
print("heavy:", sorted(heavy & set(sys.modules)))
"""


def test_speaking_on_a_cpu_imports_neither_torch_nor_numba(
    tiny_voice_file: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", SPEAK, str(tiny_voice_file), str(tmp_path / "one.wav")]
    for _ in range(2):  # the first may compile
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        (tmp_path / "one.wav").unlink()
    assert "heavy: []" in done.stdout


ELSEWHERE = """
import builtins, importlib, os, pkgutil, signal, sys
import wavegen

def import_all():
    for module in pkgutil.walk_packages(wavegen.__path__, "wavegen."):
        if module.name != "wavegen.__main__":
            importlib.import_module(module.name)

import_all()  # with all that they import, which knows its systems itself
for name in [n for n in sys.modules if n.startswith("wavegen.")]:
    del sys.modules[name]
for name in ("fcntl", "grp", "pwd", "pty", "resource", "termios"):
    sys.modules[name] = None  # can't be imported
for name in ("SIGHUP", "SIGKILL", "SIGTERM"):
    delattr(signal, name)
for name in ("fork", "getuid", "pread", "sched_getaffinity", "sysconf", "uname"):
    delattr(os, name)
opened = builtins.open
def without_devices(file, *args, **options):
    assert not str(file).startswith(("/dev/std", "/proc/self/fd")), file
    return opened(file, *args, **options)
builtins.open = without_devices
import_all()
print("imported", sum(n.startswith("wavegen.") for n in sys.modules))
"""


@pytest.mark.slow
def test_every_module_is_imported_without_what_other_systems_lack() -> None:
    command = [sys.executable, "-c", ELSEWHERE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 150


BROAD = {
    "test_architecture.py",
    "test_fuzz.py",
    "test_gpu.py",
    "generation/test_cuda.py",
    "generation/test_engines.py",
    "generation/triton/test_barriers.py",
    "training/test_distributed.py",
    "training/test_waiting.py",
}
"""Tests of several modules; all others have the path of the one that they test."""
ENDINGS = (".py", "_.py", ".sh", ".html")


def test_the_tests_of_a_module_are_found_by_its_path() -> None:
    lost = []
    for test in TESTS.rglob("test_*.py"):
        path = test.relative_to(TESTS)
        parent = PACKAGE.parent if path.parts[0] == "recipes" else PACKAGE
        room, name = parent / path.parent, test.stem.removeprefix("test_")
        module = any((room / n).exists() for n in (name, *(name + end for end in ENDINGS)))
        if not (module or name == room.name or path.as_posix() in BROAD):
            lost.append(path)
    assert not lost


def test_no_test_imports_another() -> None:
    wrong = []
    for test in TESTS.rglob("*.py"):
        for node in ast.walk(ast.parse(test.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            wrong += [(test, n) for n in names if n.rpartition(".")[2].startswith("test_")]
    assert not wrong


def test_no_file_is_over_four_hundred_lines() -> None:
    files = [*PACKAGE.rglob("*.py"), *TESTS.rglob("*.py")]
    assert not [p for p in files if len(p.read_text().splitlines()) > 400]
