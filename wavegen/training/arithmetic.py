"""How a GPU computes what is fitted."""

from __future__ import annotations

import os

import torch

from wavegen.config import TrainConfig


def set_arithmetic(t: TrainConfig) -> None:
    """Choose it, for this process and from now on; with ``deterministic``, every operation gives
    the same each time, or is an error."""
    torch.backends.cuda.matmul.allow_tf32 = True
    if t.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as cuBLAS asks for
        torch.use_deterministic_algorithms(True)
        # Or each new tensor is filled first, in hundreds of kernels a step.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def speech_in_bf16(t: TrainConfig, device: torch.device | str) -> bool:
    """Whether the models of speech multiply matrices in bf16. On a GPU one step of theirs takes as
    long as it takes to launch its kernels, a fifth of which would convert numbers to bf16; TF32
    needs none."""
    return t.precision == "bf16" and torch.device(device).type == "cpu"
