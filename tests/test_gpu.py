"""Each path that has a device, on CUDA: what it computes there is what a CPU computes."""

from __future__ import annotations

import copy
import gc
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from helpers import DIGITS, rows, write_recipe
from networks import HOP, VARIANTS, network, random_features
from recordings import READINGS, training_set
from torch import Tensor

from wavegen.audio.taps import INPUTS
from wavegen.config import TrainConfig
from wavegen.data.resident import Resident
from wavegen.data.windows import Batch
from wavegen.model.wavenet import WaveNet
from wavegen.training.cuda_graphs import SEEN
from wavegen.training.optimizer_step import Stepper
from wavegen.training.reading import LocalBatch, Reader

pytestmark = pytest.mark.gpu
DEVICE = "cuda"


@pytest.fixture
def accelerator(monkeypatch: pytest.MonkeyPatch) -> Accelerator:
    """On the GPU, although others of this process, whose state it would share, are on the CPU."""
    for state in (PartialState, AcceleratorState):
        monkeypatch.setattr(state, "_shared_state", {})
    return Accelerator(cpu=DEVICE == "cpu")


@pytest.mark.parametrize("variant", [{}, *VARIANTS], ids=str)
def test_the_forward(variant: dict[str, Any]) -> None:
    model = network(conditioned=True, phase=True, **variant).double()
    codes, speaker = torch.randint(0, model.output.levels, (2, 24 * HOP)), torch.tensor([0, 2])
    local = random_features(2, 24, dtype=torch.float64)
    given = torch.randn(2, 24 * HOP, INPUTS)[..., model.selection]
    with torch.inference_mode():
        expected = model.output.loss(model(codes, speaker, local, given=given), codes)
        codes, speaker, given = codes.to(DEVICE), speaker.to(DEVICE), given.to(DEVICE)
        local = local.each(lambda t: t.to(DEVICE))
        logits = model.to(DEVICE)(codes, speaker, local, given=given)
        found = model.output.loss(logits, codes)
    assert found.device.type == DEVICE
    assert torch.allclose(found.cpu(), expected, atol=1e-6)


def stepper(model: WaveNet, accelerator: Accelerator, warned: list[str], **config: Any) -> Stepper:
    return Stepper(copy.deepcopy(model), TrainConfig(**config), accelerator, warned.append)


def random_batch(windows: int, samples: int) -> LocalBatch:
    """Windows whose samples repeat, so that there is something to learn."""
    codes = torch.randint(96, 160, (windows, 50)).repeat(1, -(-samples // 50))[:, :samples]
    start = torch.full((windows,), 128)
    counted = torch.ones(windows, samples, dtype=torch.bool)
    speaker = torch.zeros(windows, dtype=torch.int64)
    batch = Batch(codes, codes, start, speaker, None, counted, counted, None, None, None)
    if torch.cuda.is_available():
        batch = batch.each(Tensor.pin_memory)
    return LocalBatch(batch, windows * samples, False)


def gradients(s: Stepper, local: LocalBatch) -> Tensor:
    s.zero_grad()
    s.gradients(local)
    return torch.cat([p.grad.flatten().cpu() for p in s.model.parameters() if p.grad is not None])


def near(found: Tensor, expected: Tensor, tolerance: float) -> bool:
    return bool((found - expected).norm() < tolerance * expected.norm())


def test_training_steps_in_bf16(accelerator: Accelerator) -> None:
    model, batch, warned = network(), random_batch(4, 40 * HOP), list[str]()
    s = stepper(model, accelerator, warned, precision="bf16", warmup_steps=1)
    assert s.device.type == DEVICE
    nats = model.output.loss(model(batch.batch.codes, before=batch.batch.before), batch.batch.codes)
    nats.mean().backward()
    expected = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    assert near(gradients(s, batch), torch.cat(expected), 0.05)
    there = batch.batch.each(lambda t: t.to(DEVICE))
    first = s.forward(there)[0].item()
    for step in range(1, 60):
        s.update(batch, step)
    assert s.norms().peak < 1e4
    assert s.forward(there)[0].item() < 0.8 * first
    assert not warned


@pytest.mark.parametrize("variant", [{}, *VARIANTS], ids=str)
def test_a_replayed_graph_computes_the_gradients_of_its_batch(
    accelerator: Accelerator, variant: dict[str, Any]
) -> None:
    model, warned = network(**variant), list[str]()
    replayed, plain = (stepper(model, accelerator, warned, precision="f32") for _ in range(2))
    plain.graphs = None
    assert replayed.graphs is not None
    for i in range(SEEN + 4):
        batch = random_batch(3, 40 * HOP)
        assert near(gradients(replayed, batch), gradients(plain, batch), 1e-4)
        assert replayed.sums.allclose(plain.sums)
        for s in (replayed, plain):
            s.update(batch, i + 1)  # replays read the weights as they are now
    assert len(replayed.graphs.captured) == 1
    assert not warned


def test_the_memory_of_graphs_is_free_once_nothing_uses_them(accelerator: Accelerator) -> None:
    batch, warned = random_batch(3, 40 * HOP), list[str]()
    s = stepper(network(), accelerator, warned)
    for step in range(1, SEEN + 3):
        s.update(batch, step)
    assert s.graphs is not None
    assert s.graphs.captured
    graphs = weakref.ref(s.graphs)
    del s  # which no cycle holds until the garbage collector comes
    assert graphs() is None


@pytest.mark.parametrize("channels", [16, 32, 64])
def test_fused_blocks_compute_the_gradients(accelerator: Accelerator, channels: int) -> None:
    model, batch, warned = network(residual_channels=channels), random_batch(3, 999), list[str]()
    plain, fused = (
        stepper(model, accelerator, warned, precision="bf16", fused=f) for f in (False, True)
    )
    # In bf16 both are some 4 % from the gradients in f32; `choose` has compared block by block.
    assert near(gradients(fused, batch), gradients(plain, batch), 0.1)
    for step in range(1, SEEN + 4):
        for s in (plain, fused):
            s.update(batch, step)
    assert near(gradients(fused, batch), gradients(plain, batch), 0.1)
    assert fused.graphs is not None
    assert len(fused.graphs.captured) == 1
    assert not warned


def test_both_ways_are_timed_and_the_faster_is_captured(accelerator: Accelerator) -> None:
    model, batch, warned = network(residual_channels=64), random_batch(4, 16000), list[str]()
    s, other = (
        stepper(model, accelerator, warned, precision="bf16", fused=f) for f in ("auto", False)
    )
    assert near(gradients(s, batch), gradients(other, batch), 0.1)
    assert s.sums.allclose(other.sums, rtol=0.01)
    for step in range(1, SEEN + 4):
        s.update(batch, step)
    assert s.graphs is not None
    assert len(s.graphs.captured) == 1
    assert not warned


def test_a_batch_that_exceeds_the_memory_is_computed_in_parts(accelerator: Accelerator) -> None:
    model, batch, warned = network(residual_channels=64), random_batch(4, 16000), list[str]()
    s = stepper(model, accelerator, warned, precision="f32")
    expected = gradients(s, batch)
    assert not warned
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    gradients(s, batch)
    needed = torch.cuda.max_memory_allocated()
    torch.cuda.empty_cache()
    _, total = torch.cuda.mem_get_info()
    try:
        torch.cuda.set_per_process_memory_fraction(0.85 * needed / total)
        found = gradients(s, batch)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert s.micro_batches in (2, 4)
    assert warned[-1] == f"out of memory: each batch is now computed in {s.micro_batches} parts"
    assert near(found, expected, 1e-3)


@pytest.mark.parametrize("changes", READINGS, ids=str)
def test_batches_read_there(changes: dict[str, Any]) -> None:
    windows = training_set(**changes)
    here, there = (Resident(windows, torch.device(d), (False, True)) for d in ("cpu", DEVICE))
    for group in windows.epoch(0):
        expected, found = here.batch(group), there.batch(group)
        for name in ("codes", "past", "history"):
            a, b = getattr(expected, name), getattr(found, name)
            # A sample between two codes may be rounded to either.
            assert a is None or ((a - b.cpu()).abs() <= 1).all()
        for name in ("speaker", "counted", "speech", "lead"):
            a, b = getattr(expected, name), getattr(found, name)
            assert a is None or torch.equal(a, b.cpu())
        if expected.given is not None and found.given is not None:
            assert torch.allclose(expected.given, found.given.cpu(), atol=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {"train": {"noise": 0.3, "predicted": 0.0}},
        {"train": {"accumulate": 2, "sparsity": 0.5, "predicted": 0.0}},
        {"conditioning": {"linear_prediction": False}, "train": {"blank": 0.9, "predicted": 0.0}},
    ],
    ids=str,
)
def test_neither_reading_nor_a_step_waits_for_the_gpu(
    accelerator: Accelerator, changes: dict[str, Any]
) -> None:
    windows, warned = training_set(**changes), list[str]()
    model = WaveNet(windows.config, 2)
    s = Stepper(model, windows.config.train, accelerator, warned.append)
    reader = Reader(windows, accelerator)
    assert reader.resident
    batches = reader.batches(0, 0)
    for step in range(1, 40):  # the shapes have been captured
        s.update(next(batches)[2], step)
    try:
        torch.cuda.set_sync_debug_mode("error")
        for step in range(40, 50):
            s.update(next(batches)[2], step)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert s.norms().peak < 1e4
    assert not warned


def test_the_command_trains_resumes_and_leaves_a_voice(tmp_path: Path) -> None:
    recipe, run = write_recipe(tmp_path / "tiny.toml", precision="bf16"), tmp_path / "run"
    command = [sys.executable, "-m", "wavegen", "train", DIGITS, "--out", run, "--device", DEVICE]
    # A vocoder, as texts need espeak-ng; in a process of its own, since this one's other
    # accelerators are on the CPU.
    vocoder = ["--layout", "flat", "--set", 'conditioning.features="mel"']
    sampled = ["--set", "train.sample_every=4"]
    subprocess.run([*command, "--recipe", recipe, *vocoder, *sampled, "--steps", "4"], check=True)
    subprocess.run([*command, "--resume", "--steps", "8"], check=True)
    assert [r["step"] for r in rows(run) if "loss_bits" in r] == [2, 4, 6, 8]
    assert len(list((run / "samples").glob("*.wav"))) == 6
    recording = DIGITS / "7_jackson_12.wav"
    speak = ["vocode", recording, "--voice", run / "voice.safetensors", "-o", tmp_path / "out.wav"]
    subprocess.run([sys.executable, "-m", "wavegen", *speak], check=True)
    assert (tmp_path / "out.wav").stat().st_size > 1000


def test_bench_measures_training_on_the_gpu() -> None:
    options = ["--train", "--size", "small", "--batch", "1", "--repeats", "1", "--json"]
    command = [sys.executable, "-m", "wavegen", "bench", *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.count('"samples_per_s"') == 4
