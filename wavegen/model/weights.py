"""Networks as arrays: what speaking on a CPU needs of them, without torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from wavegen.config import ModelConfig
from wavegen.outputs import OUTPUTS
from wavegen.outputs.coding import Coding

if TYPE_CHECKING:
    from torch import nn

    from wavegen.model.autoregressive import Autoregressive

Floats = NDArray[np.float32]


class Weights:
    """Arrays under the names that a torch module gives to its parameters and buffers.

    Args:
        arrays: of the module that this one is a part of.
        prefix: of the names of this part.
    """

    def __init__(self, arrays: Mapping[str, Floats], prefix: str = "") -> None:
        self._arrays, self._prefix = arrays, prefix

    @classmethod
    def of(cls, module: nn.Module) -> Weights:
        """Those of a module; they share its memory if it is on the CPU."""
        return cls(_Arrays(module))

    def __getitem__(self, name: str) -> Floats:
        return self._arrays[self._prefix + name]

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self._arrays

    def part(self, name: str) -> Weights:
        """Those of a part of the module."""
        return Weights(self._arrays, f"{self._prefix}{name}.")

    def parts(self, name: str) -> list[Weights]:
        """Those of the members of a module list."""
        start, found = f"{self._prefix}{name}.", set[int]()
        for key in self._arrays:
            if key.startswith(start):
                found.add(int(key[len(start) :].partition(".")[0]))
        return [self.part(f"{name}.{number}") for number in sorted(found)]


class _Arrays(Mapping[str, Floats]):
    """The weights of a module, each of which is copied from a GPU when it is asked for."""

    def __init__(self, module: nn.Module) -> None:
        self._tensors = module.state_dict()

    def __getitem__(self, name: str) -> Floats:
        array: Floats = self._tensors[name].detach().cpu().numpy()
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __contains__(self, name: object) -> bool:  # that of Mapping would copy it
        return name in self._tensors


class Network(Protocol):
    """A network to draw samples from."""

    @property
    def config(self) -> ModelConfig: ...

    @property
    def selection(self) -> slice:
        """See `filters.selection`."""

    @property
    def coding(self) -> Coding:
        """Of its samples."""

    @property
    def weights(self) -> Weights: ...

    @property
    def module(self) -> Autoregressive:
        """The same network for torch."""


@dataclass
class StoredNetwork:
    """A network as it is stored; torch is imported where its module is asked for."""

    config: ModelConfig
    selection: slice
    weights: Weights
    make: Callable[[], Autoregressive]
    """Makes the module."""

    @property
    def coding(self) -> Coding:
        return OUTPUTS[self.config.output].coding(self.config)

    @cached_property
    def module(self) -> Autoregressive:
        return self.make()
