"""Engines: ways to draw samples from a WaveNet one after the other.

From the same jobs all engines make the same sequences, up to the first floating-point tie. A new
engine is a file with an `EngineSpec` and a line in `ENGINES`.
"""

from typing import get_args

from wavegen.config import WeightPrecision
from wavegen.errors import WavegenError
from wavegen.generation import cached, naive
from wavegen.generation.numba import engine as numba_engine
from wavegen.generation.spec import EngineSpec

ENGINES: dict[str, EngineSpec] = {
    "naive": naive.ENGINE,
    "cached": cached.ENGINE,
    "numba": numba_engine.ENGINE,
}
"""From the slowest to the fastest."""
DEVICES = {"cpu": "the CPU", "cuda": "a CUDA device"}


def default_engine(device: str) -> str:
    """The fastest engine that runs on this type of torch device."""
    return [name for name, spec in ENGINES.items() if spec.runs_on(device)][-1]


def choose_engine(name: str | None, precision: str | None, device: str) -> EngineSpec:
    """The engine of that name (default: `default_engine`).

    Raises:
        WavegenError: there is no such engine or precision, or the engine doesn't take the precision
            or run on this type of torch device.
    """
    name = name or default_engine(device)
    if name not in ENGINES:
        raise WavegenError(f"no engine '{name}': choose from {', '.join(ENGINES)}")
    spec, known = ENGINES[name], get_args(WeightPrecision)
    if precision not in (None, *known):
        raise WavegenError(f"no precision '{precision}': choose from {', '.join(known)}")
    if not spec.runs_on(device):
        places = " or ".join(DEVICES.get(d, d) for d in spec.devices or ())
        raise WavegenError(f"engine {name} needs the voice on {places}")
    if precision is not None and precision not in spec.precisions:
        others = [n for n, s in ENGINES.items() if precision in s.precisions]
        does = "does" if len(others) == 1 else "do"
        raise WavegenError(f"engine {name} takes no precision; {' and '.join(others)} {does}")
    return spec
