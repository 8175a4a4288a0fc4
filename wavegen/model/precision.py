"""The precision that suits a device."""

from __future__ import annotations

import llvmlite.binding
import torch


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 matrices in hardware; many CPUs only emulate it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    features = llvmlite.binding.get_host_cpu_features()
    return any(features.get(name) for name in ("avx512bf16", "amx-bf16", "bf16"))  # the last: Arm
