"""Engines: ways to draw samples from a network one after the other.

From the same jobs all engines make the same sequences, up to the first floating-point tie. A new
engine is a file with an `EngineSpec` and a line in `ENGINES`.
"""

import os
import re
import sys
from collections.abc import Callable
from ctypes import CDLL, byref, c_int
from importlib import import_module
from typing import Any, get_args

from wavegen.config import Kind, WeightPrecision
from wavegen.errors import WavegenError
from wavegen.generation.numba import bandwidth
from wavegen.generation.numba.engine import generate
from wavegen.generation.spec import EngineSpec
from wavegen.generation.triton import availability


def _imported(engine: str, name: str = "generate") -> Callable[..., Any]:
    """A function of an engine that needs torch, imported when it is called."""

    def call(*args: Any, **options: Any) -> Any:
        return getattr(import_module(f"wavegen.generation.{engine}"), name)(*args, **options)

    return call


ENGINES: dict[str, EngineSpec] = {
    "naive": EngineSpec(_imported("naive")),
    "cached": EngineSpec(_imported("cached")),
    "triton": EngineSpec(
        _imported("triton.engine"),
        lacks=availability.lacks,
        check=_imported("triton.engine", "check"),
        kinds=("wavenet",),
        precisions=("f32", "f16"),
        streams=True,
        spreads=True,
    ),
    "numba": EngineSpec(
        generate,
        lacks=lambda device: None if device == "cpu" else "the voice on the CPU",
        kinds=("wavenet",),
        precisions=("f32", "bf16", "int8"),
        streams=True,
        arrays=True,
        bytes_per_sample=bandwidth.bytes_per_sample,
        read_rate=bandwidth.read_rate,
    ),
}
"""On each device, the later one is the faster."""


def default_engine(device: str, kind: Kind = "wavenet") -> str:
    """The fastest engine that runs on this type of torch device, for this kind of network."""
    return default_engines(device, kind)[0]


def default_engines(device: str, kind: Kind = "wavenet") -> list[str]:
    """All engines that do, the fastest first."""
    return [n for n, e in ENGINES.items() if kind in e.kinds and e.lacks(device) is None][::-1]


def choose_engine(
    name: str | None, precision: str | None, device: str, kind: Kind = "wavenet"
) -> EngineSpec:
    """The engine of that name (default: `default_engine`).

    Raises:
        WavegenError: there is no such engine or precision, or the engine doesn't take the precision
            or the kind of network, or run on this type of torch device.
    """
    name = name or default_engine(device, kind)
    if name not in ENGINES:
        raise WavegenError(f"no engine '{name}': choose from {', '.join(ENGINES)}")
    spec, known = ENGINES[name], get_args(WeightPrecision)
    if precision not in (None, *known):
        raise WavegenError(f"no precision '{precision}': choose from {', '.join(known)}")
    if lacks := spec.lacks(device):
        raise WavegenError(f"engine {name} needs {lacks}")
    if kind not in spec.kinds:
        others = [n for n, s in ENGINES.items() if kind in s.kinds]
        raise WavegenError(
            f"engine {name} draws from no {kind} voice; {' and '.join(others)} draw from one"
        )
    if precision is not None and precision not in spec.precisions:
        others = [n for n, s in ENGINES.items() if precision in s.precisions]
        own = f"precision {', '.join(spec.precisions)}" if spec.precisions else "no precision"
        take = "takes" if len(others) == 1 else "take"
        raise WavegenError(f"engine {name} takes {own}; {' and '.join(others)} {take} {precision}")
    return spec


def choose_device(
    name: str, utterances: int, engine: str | None = None, precision: str | None = None
) -> str:
    """The device to draw utterances on.

    Args:
        name: cpu; cuda, the first GPU or, under torchrun, that of this process; cuda:N; or auto: a
            GPU for two utterances and more, where there is an engine for it that draws many at
            once, and the CPU for a lone one, which it draws as fast.
        utterances: how many, about.
        engine, precision: as in `choose_engine`; auto takes a device that they run on.

    Raises:
        WavegenError: there is no such device.
    """
    if name == "auto":
        for place in ("cuda", "cpu") if utterances > 1 else ("cpu", "cuda"):
            try:
                spec = choose_engine(engine, precision, place)
            except WavegenError:
                continue
            if (engine or spec.streams) and (place == "cpu" or gpus()):
                return choose_device(place, utterances)
        return "cpu"
    found = re.fullmatch(r"cpu|cuda(?::(\d{1,3}))?", name)
    if found is None:
        raise WavegenError(f"no device '{name}': choose from auto, cpu, cuda, cuda:N")
    if name == "cpu":
        return "cpu"
    count = gpus()
    index = int(found[1] or os.environ.get("LOCAL_RANK", "0"))
    if index >= count:
        has = "no GPU" if not count else f"GPUs 0 to {count - 1}"
        raise WavegenError(f"device {name}: this machine has {has} that torch can use")
    return f"cuda:{index}"


def gpus() -> int:
    """GPUs that torch can use; it is only imported where there is a driver and a GPU."""
    if "torch" not in sys.modules and not _driver_finds_gpu():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _driver_finds_gpu() -> bool:
    count = c_int()
    try:
        driver = CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return not driver.cuInit(0) and not driver.cuDeviceGetCount(byref(count)) and count.value > 0
