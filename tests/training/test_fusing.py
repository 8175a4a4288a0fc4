"""Whether a training computes its blocks by fused kernels."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from networks import network, random_batch
from torch import Tensor

from wavegen.config import TrainConfig
from wavegen.errors import TrainingError
from wavegen.model import layers
from wavegen.model.wavenet import WaveNet
from wavegen.training import fusing
from wavegen.training.optimizer_step import Stepper

pytest.importorskip("triton")
from wavegen.model import fused


@pytest.fixture(autouse=True)
def _able(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the CPU could launch kernels, which Triton's interpreter or a stand-in computes."""
    monkeypatch.setattr(fusing, "able", lambda stepper: True)
    monkeypatch.setattr(fused, "fits", lambda *arguments: True)


def stepper(**config: Any) -> tuple[Stepper, list[str]]:
    warned: list[str] = []
    model, t = network(residual_channels=16, kernel_size=2), TrainConfig(precision="bf16", **config)
    return Stepper(model, t, Accelerator(cpu=True), warned.append), warned


def fuses(s: Stepper) -> bool:
    assert isinstance(s.model, WaveNet)
    [found] = {block.fused for block in s.model.layers}
    return found


def gradients(s: Stepper) -> Tensor:
    torch.manual_seed(1)
    s.gradients(random_batch())
    return torch.cat([p.grad.flatten() for p in s.model.parameters() if p.grad is not None])


class StandIn(layers.PlainBlock):
    """Right, after a while."""

    seconds = 0.0

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        time.sleep(StandIn.seconds)
        return layers.PlainBlock.forward(ctx, *inputs)


@pytest.mark.parametrize(
    ("wanted", "of_fused", "of_plain", "chosen"),
    [("auto", 0.0, 0.02, True), ("auto", 0.02, 0.0, False), (True, 0.02, 0.0, True)],
)
def test_the_faster_way_is_chosen_and_leaves_no_trace(
    wanted: Any, of_fused: float, of_plain: float, chosen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = layers._block

    def slow(*inputs: Any) -> Any:
        time.sleep(of_plain)
        return plain(*inputs)

    monkeypatch.setattr(fused, "FusedBlock", StandIn)
    monkeypatch.setattr(StandIn, "seconds", of_fused)
    monkeypatch.setattr(layers, "_block", slow)
    monkeypatch.setattr(layers.tiles, "fits", lambda *arguments: False)
    (s, warned), (other, _) = stepper(fused=wanted), stepper(fused=False)
    other.model.load_state_dict(s.model.state_dict())
    assert torch.equal(gradients(s), gradients(other))
    assert torch.equal(s.sums, other.sums)
    assert fuses(s) == chosen
    assert not warned


class Wrong(layers.PlainBlock):
    """Its last row sees nothing of the past."""

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        gx, *others = layers.PlainBlock.backward(ctx, *gradients)
        gx[:, -1] = 0
        return gx, *others


@pytest.mark.parametrize("wanted", ["auto", True])
def test_wrong_gradients_are_found(wanted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "FusedBlock", Wrong)
    (s, warned), (other, _) = stepper(fused=wanted), stepper(fused=False)
    other.model.load_state_dict(s.model.state_dict())
    assert torch.equal(gradients(s), gradients(other))
    [told] = warned
    assert told.startswith("trains without fused blocks: their gradients are off by ")
    assert not fuses(s)


@pytest.mark.skipif(torch.cuda.is_available(), reason="nothing is interpreted")
def test_what_the_interpreter_makes_of_bf16_is_found_to_be_wrong() -> None:
    s, warned = stepper()  # it multiplies the bits as integers
    gradients(s)
    assert len(warned) == 1
    assert not fuses(s)


class Failing(layers.PlainBlock):
    """Computes half of its work."""

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise RuntimeError("at 12:8:\nout of resource: shared memory\n")


def test_a_kernel_that_fails_is_told_in_a_line_and_done_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fused, "FusedBlock", Failing)
    (s, warned), (other, _) = stepper(), stepper(fused=False)
    other.model.load_state_dict(s.model.state_dict())
    assert torch.equal(gradients(s), gradients(other))
    assert torch.equal(s.sums, other.sums)
    gradients(s)
    assert warned == ["trains without fused blocks: out of resource: shared memory"]
    assert not fuses(s)


def test_after_a_kernel_that_the_gpu_does_not_survive_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fused, "FusedBlock", Failing)
    s, _ = stepper()

    def wait() -> None:
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(s, "wait", wait)
    with pytest.raises(TrainingError, match=r"--set train.fused=false$"):
        gradients(s)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, []),
        ({"fused": False}, []),
        ({"fused": True}, [f"trains without fused blocks: {fusing.NEEDS}"]),
    ],
)
def test_it_is_tried_only_where_there_are_kernels(
    config: dict[str, Any], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(fusing, "_fault", pytest.fail)
    s, warned = stepper(**config)
    gradients(s)
    assert warned == told
    assert not fuses(s)


def test_a_deterministic_training_does_not_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusing, "_fault", pytest.fail)
    s, _ = stepper()
    monkeypatch.setattr(s, "config", TrainConfig(precision="bf16", deterministic=True))
    gradients(s)
    assert not fuses(s)


@pytest.mark.slow
def test_processes_choose_alike(tmp_path: Path) -> None:
    script = Path(__file__).with_name("fusing_apart.py")
    path = os.pathsep.join([str(script.parents[1]), *sys.path])
    done = subprocess.run(
        [
            sys.executable,
            *["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"],
            script,
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = "['trains without fused blocks: no compiler']"
    assert sorted(done.stdout.splitlines()) == [
        "0 False {False} []",
        "0 True {False} []",
        "1 False {False} []",
        f"1 True {{False}} {told}",
    ]


class Graphs:
    """Those of CUDA, but for the capturing."""

    made = 0

    def __init__(self, warn: Any) -> None:
        Graphs.made += 1

    def __call__(self, gradients: Any, batch: Any, weight: float, device: torch.device) -> Tensor:
        found: Tensor = gradients(batch, weight)
        return found


def test_what_was_captured_of_one_way_is_not_replayed_for_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fused, "FusedBlock", StandIn)
    monkeypatch.setattr(layers.tiles, "fits", lambda *arguments: False)  # so that both are equal
    monkeypatch.setattr(fusing, "CudaGraphs", Graphs)
    (s, warned), (other, _) = stepper(), stepper(fused=False)
    other.model.load_state_dict(s.model.state_dict())
    first = s.graphs = Graphs(warned.append)  # type: ignore[assignment]
    kept = [torch.zeros_like(p) for p in s.model.parameters()]
    for p, grad in zip(s.model.parameters(), kept, strict=True):
        p.grad = grad
    made = Graphs.made
    assert torch.equal(gradients(s), gradients(other))
    assert Graphs.made == made + 3  # a new one for each way, and for the training
    assert s.graphs is not first
    assert all(p.grad is g for p, g in zip(s.model.parameters(), kept, strict=True))
