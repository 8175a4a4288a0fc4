"""The optimiser step: the compiled network is the same network, and can be done without."""

import pytest
import torch
from accelerate import Accelerator
from networks import network, random_features

from wavegen.config import TrainConfig
from wavegen.training.optimizer_step import Stepper


def stepper(warned: list[str]) -> Stepper:
    return Stepper(
        network(conditioned=True, kernel_size=3),
        TrainConfig(),
        Accelerator(cpu=True),
        warned.append,
    )


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_the_compiled_network_has_the_same_loss_and_gradients(precision: torch.dtype) -> None:
    warned: list[str] = []
    s = stepper(warned)
    compiled = s.compiled("aot_eager")  # all of torch.compile but the code generation
    for frames in (4, 7, 1):  # shorter, too, than some shifts
        codes = torch.randint(0, 256, (2, 16 * frames))
        speaker, before = torch.tensor([0, 2]), torch.tensor([3, 4])
        given = torch.randn(2, 16 * frames, 8)
        inputs = codes, speaker, random_features(2, frames), before, None, None, given
        results = []
        for logits in (s.network, compiled):
            s.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=precision is torch.bfloat16):
                loss = s.model.output.loss(logits(*inputs), codes).mean()
            loss.backward()
            dead = s.model.blocks[-1].w_res  # its output goes nowhere
            grads = [p.grad.flatten() for p in s.model.parameters() if p is not dead]
            results.append((loss.detach(), torch.cat(grads)))
        tolerance = 1e-5 if precision is torch.float32 else 0.1
        for ours, theirs in zip(*results, strict=True):
            assert (ours - theirs).norm() <= tolerance * theirs.norm()
    assert not warned


def test_training_goes_on_where_the_compiler_fails() -> None:
    def broken(*_: object) -> None:
        raise OSError("no space left on device")

    warned: list[str] = []
    s = stepper(warned)
    codes = torch.randint(0, 256, (1, 32))
    local, given = random_features(1, 2), torch.randn(1, 32, 8)
    inputs = codes, torch.tensor([1]), local, None, None, None, given
    s.logits = s.compiled(broken)
    for _ in range(2):
        assert torch.equal(s.logits(*inputs), s.network(*inputs))
    assert warned == ["trains without torch.compile, which failed (BackendCompilerFailed)"]
