"""A device without numbers, on which training shows that it waits for none."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

DEVICE = torch.device("meta")
ACCELERATOR: Any = SimpleNamespace(
    device=DEVICE,
    num_processes=1,
    prepare_model=lambda model: model,
    no_sync=lambda model: nullcontext(),
)


class Apart(TorchDispatchMode):
    """Fails where an operation takes tensors of the device and of the CPU, which torch's kernels
    for ``meta`` don't always tell; asking for numbers fails by itself.

    Args:
        copies: whether tensors may be copied to the device.
    """

    def __init__(self, copies: bool = False) -> None:
        super().__init__()
        self._allowed = {"_to_copy", "copy_"} if copies else set[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [t for t in tree_leaves([args, kwargs]) if isinstance(t, torch.Tensor)]
        here = [t for t in tensors if t.device != DEVICE]
        name = func.overloadpacket.__name__
        there = len(here) < len(tensors) or kwargs.get("device") == DEVICE
        if there and name not in self._allowed:
            assert not any(t.dim() for t in here), f"{name} takes tensors of the CPU"
        return func(*args, **kwargs)


class _Generator(torch.Generator):
    """Of the CPU, for any device."""

    def __new__(cls, device: object = None) -> _Generator:
        return super().__new__(cls)


class _AdamW(torch.optim.AdamW):
    """In steps of many kernels, none of which asks whether the gradient is finite."""

    def __init__(self, *args: Any, fused: bool, **options: Any) -> None:
        super().__init__(*args, **options)

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        vars(self).pop("found_inf", None)
        super().step(closure)


@pytest.fixture
def unnumbered(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """The device; what torch lacks for it is left out."""
    monkeypatch.setattr(torch, "autocast", lambda *args, **options: nullcontext())
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda kind: False)
    monkeypatch.setattr(torch, "Generator", _Generator)
    monkeypatch.setattr(torch.optim, "AdamW", _AdamW)
    return DEVICE
