"""A network of a voice, with torch or without."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from wavegen.model.weights import Floats, Weights

if TYPE_CHECKING:
    from torch import Tensor, nn

    M = TypeVar("M", bound=nn.Module)
else:
    M = TypeVar("M")


class Part(Generic[M]):
    """Weights as arrays, or a torch module. The module is made of the arrays when it is first asked
    for; from then on the weights are its own.

    Args:
        make: makes the module, with any weights.
        arrays: the weights, by the module's names for them (default: those that ``make`` gives).
    """

    def __init__(self, make: Callable[[], M], arrays: Mapping[str, Floats] | None = None) -> None:
        self._make, self._arrays = make, arrays
        self._module = make() if arrays is None else None

    @property
    def made(self) -> bool:
        """Whether the module has been made."""
        return self._module is not None

    @property
    def module(self) -> M:
        if self._module is None:
            import torch

            assert self._arrays is not None
            with torch.device("meta"):  # no weights are drawn that these would replace
                module = self._make()
            known = {name: torch.from_numpy(array) for name, array in self._arrays.items()}
            module.load_state_dict(known, assign=True)
            self._module = module.eval()
        return self._module

    @property
    def weights(self) -> Weights:
        if self._module is None:
            assert self._arrays is not None
            return Weights(self._arrays)
        return Weights.of(self._module)


def in_16_bits(weights: Tensor) -> Tensor:
    """Weights as float16, which costs less than 0.001 bits per sample, unless they exceed it."""
    half = weights.half() if weights.is_floating_point() else weights
    return half if half.isfinite().all() else weights
