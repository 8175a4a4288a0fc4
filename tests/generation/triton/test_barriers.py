"""Threads of a program read what others have written only after a barrier, and write where others
have read only after one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import HOP, STACKS, network, random_features, random_predictor
from torch import arange, no_grad

from wavegen.generation.job import Job
from wavegen.generation.triton import engine
from wavegen.generation.triton.availability import interpreted

pytest.importorskip("triton")
pytestmark = pytest.mark.skipif(not interpreted(), reason="needs Triton's interpreter")


class Accesses:
    """What the kernel loads and stores between two barriers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from triton.runtime.interpreter import InterpreterBuilder as Builder

        self.pointers = list[tuple[bool, Any]]()
        self.barriers = 0
        load, store = Builder.create_masked_load, Builder.create_masked_store

        def note_load(builder: Any, pointers: Any, mask: Any, *rest: Any) -> Any:
            self.pointers.append((False, pointers.data[mask.data]))
            return load(builder, pointers, mask, *rest)

        def note_store(builder: Any, pointers: Any, value: Any, mask: Any, *rest: Any) -> Any:
            self.pointers.append((True, pointers.data[mask.data]))
            return store(builder, pointers, value, mask, *rest)

        monkeypatch.setattr(Builder, "create_masked_load", note_load)
        monkeypatch.setattr(Builder, "create_masked_store", note_store)
        monkeypatch.setattr(Builder, "create_barrier", lambda builder: self.pass_barrier())

    def pass_barrier(self) -> None:
        self.barriers += 1
        for i, (stores, new) in enumerate(self.pointers):
            for stored, old in self.pointers[:i]:
                # What a thread itself has read, by the same pointers, it may write.
                if stored or (stores and not np.array_equal(old, new)):
                    assert not len(np.intersect1d(old, new))
        self.pointers.clear()


@pytest.mark.parametrize(
    "variant",
    [
        {"kernel_size": 3, "ends": True, "phase": True},
        {"output": "logistic_mixture", "ends": True, "context": STACKS},
        {"signal": True, "period": True, "context": STACKS, "residual_channels": 65},
    ],
    ids=str,
)
def test_a_barrier_lies_between_writing_and_reading(
    variant: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network(True, layers=3, dilation_cycle=2, **variant)
    local = random_features(3, 2)
    with no_grad():
        rows = model.conditioning.encode(3, arange(3), local)
    phases = model.conditioning.phase_codes(local, HOP)
    jobs = [
        Job(rows[i], 26, str(i), phase=phases[i] if phases is not None else None,
            predictor=random_predictor(2))
        for i in range(3)
    ]  # fmt: skip
    accesses = Accesses(monkeypatch)
    for _ in engine.generate(model, jobs, HOP, 13):
        pass
    accesses.pass_barrier()
    assert accesses.barriers > 26 * 3
