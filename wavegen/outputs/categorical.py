"""Softmax over 256 µ-law codes (WaveNet, §2.2)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from wavegen import mulaw


class Categorical:
    """A categorical distribution over µ-law codes; losses are of 8-bit µ-law samples."""

    channels = mulaw.LEVELS
    unit = "µ-law 8-bit"

    @staticmethod
    def loss(logits: Tensor, codes: Tensor) -> Tensor:
        """Negative log-likelihood in nats: logits (…, 256), codes (…) → (…)."""
        wide = logits if logits.dtype == torch.float64 else logits.float()
        flat = F.cross_entropy(wide.flatten(0, -2), codes.flatten(), reduction="none")
        return flat.view(codes.shape)

    @staticmethod
    def sample(logits: Tensor, uniforms: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        """Inverse CDF: the first code whose cumulative probability exceeds the uniform.

        Args:
            logits: (B, 256).
            uniforms: (B,) float64 in [0, 1).
            temperature: divides the logits, one for all or (B, 1); 0 takes the most likely code.

        Returns:
            (B,) int64 codes.
        """
        # float64, because 256 rounded float32 sums need not reach 1.
        t = torch.as_tensor(temperature, dtype=torch.float64, device=logits.device)
        cdf = torch.softmax(logits.double() / t.clamp_min(1e-30), -1).cumsum(-1)
        index = torch.searchsorted(cdf, (uniforms * cdf[:, -1])[:, None], right=True)
        return index[:, 0].clamp_(max=logits.shape[-1] - 1)
