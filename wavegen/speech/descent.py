"""How the models of speech are trained: in one process, and resumable."""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

LEARNING_RATE = 1e-3
WARMUP = 100
ADAPTING = 3e-4, 20
"""Both for a model that has been fitted to other recordings."""
SAVE_SECONDS = 30.0
"""Between two states that are saved."""
PROBE = 20
"""Steps after which it is known how long the others take."""
DECAY = 0.998
"""Of the moving average of the weights."""


@dataclass(frozen=True)
class Descent:
    """How long a training takes, and what it tells and keeps."""

    steps: int
    """Optimiser steps."""
    seed: int
    """Of the order of the clips, the dropout and the noise."""
    progress: Callable[[int, int], None] = lambda done, total: None
    """Called with (steps done, steps)."""
    seconds: float = math.inf
    """Take fewer steps if they would take longer."""
    state: dict[str, Any] | None = None
    """Go on from there; the rest must be as it was."""
    save: Callable[[dict[str, Any]], None] = lambda state: None
    """Called with a state every `SAVE_SECONDS`."""
    bf16: bool = False
    """Multiply matrices in bf16."""
    adapting: bool = False
    """Whether the networks have been fitted to other recordings."""


def descend(
    networks: Sequence[nn.Module],
    loss: Callable[[random.Random, list[Any]], Tensor],
    how: Descent,
    kept: Sequence[Tensor] = (),
) -> None:
    """Train in place, with Adam and a learning rate that falls to zero over the steps. The weights
    are then a moving average of those of the last steps.

    Args:
        networks: on the device to train on; the gradients of each are clipped by themselves.
        loss: of a batch, chosen by a source of random numbers; it may keep batches for later calls
            in the list.
        kept: tensors that ``loss`` changes, which belong to the state.
    """
    begin = saved = time.monotonic()
    steps, state = how.steps, how.state
    model = nn.ModuleList(networks)
    weights = list(model.parameters())
    device = weights[0].device
    peak, warmup = ADAPTING if how.adapting else (LEARNING_RATE, WARMUP)
    optimiser = torch.optim.AdamW(weights, peak, betas=(0.9, 0.98), fused=True)
    rng = random.Random(how.seed)
    averages = [w.detach().clone() for w in weights]
    model.train()
    batches: list[Any] = []
    with torch.random.fork_rng():
        torch.manual_seed(how.seed)
        first = 0
        if state is not None:
            first, steps, batches = state["step"], state["steps"], state["batches"]
            _restore(state, model, optimiser, rng, [*averages, *kept])
        for step in itertools.count(first):
            if step == PROBE and how.seconds < math.inf:
                each = (time.monotonic() - begin) / PROBE
                steps = min(steps, max(PROBE, int(how.seconds / each)))
            if step >= steps:
                break
            rate = peak * min(1.0, (step + 1) / warmup)
            for group in optimiser.param_groups:
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            with torch.autocast(device.type, torch.bfloat16, enabled=how.bf16):
                value = loss(rng, batches)
            torch.autograd.backward(value)
            for network in networks:
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            # Faster at first, or the random initial weights would linger.
            decay = min(DECAY, (step + 1) / (step + 10))
            torch._foreach_lerp_(averages, [w.detach() for w in weights], 1 - decay)
            how.progress(step + 1, steps)
            if step > PROBE and time.monotonic() - saved > SAVE_SECONDS:
                saved = time.monotonic()
                counts = {"step": step + 1, "steps": steps, "batches": batches}
                how.save(counts | _state(model, optimiser, rng, [*averages, *kept]))
    for average, w in zip(averages, weights, strict=True):
        w.data.copy_(average)
    model.eval()


def _state(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    rng: random.Random,
    averages: Sequence[Tensor],
) -> dict[str, Any]:
    """All that a training in progress changes, as `torch.load` reads it with ``weights_only``."""
    device = averages[0].device
    return {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "averages": list(averages),
        "order": rng.getstate(),
        "random": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def _restore(
    state: dict[str, Any],
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    rng: random.Random,
    averages: Sequence[Tensor],
) -> None:
    """Undo what has changed since `_state`."""
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    for average, kept in zip(averages, state["averages"], strict=True):
        average.copy_(kept)
    rng.setstate(state["order"])
    torch.set_rng_state(state["random"])
    if state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], averages[0].device)
